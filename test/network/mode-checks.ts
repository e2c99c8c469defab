/** What must be so in every mode in which real servers know the clients. */
import assert from 'node:assert/strict';
import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { Network } from '../../cli/namespaces/network.js';
import type { RunningProcess } from '../../cli/namespaces/process.js';
import { buildLan, type Lan, type LanMode, lanConfig, lanFamilies } from './lan.js';
import { program } from './program.js';
import { PORT, REFUSED_PORT, type ServerStarter, startServerInNamespace } from './real-server.js';
import { curl, noise, startBalancer, stopBalancer } from './testbed.js';

/** The network with a server and a running balancer. */
export interface Running extends Lan {
  readonly running: RunningProcess;
}

interface ModeCheck {
  /** What is so, whatever the mode. */
  readonly name: string;
  readonly run: (there: Running) => Promise<void>;
}

/** Seconds for curl, which runs on emulated processors too. */
const PATIENCE = '100';

/** Those that end the balancer are the last ones. */
export const modeChecks: readonly ModeCheck[] = [
  {
    name: '200 connections that are open at once are each known by their own address',
    run: openMany,
  },
  { name: "the server's ICMP error reaches the client", run: refuse },
  {
    name: '10 MB go each way and come back as they were, where neither way has room for the frames of the ends',
    run: sendThere,
  },
  { name: 'nobody answers for the VIPs once the balancer has ended', run: lookForVips },
];

/**
 * The network with a running balancer and a server that listens.
 * @param startServer starts a real server of the mode on the wire, which listens on PORT and refuses REFUSED_PORT
 */
export async function startMode(
  network: Network,
  mode: LanMode,
  startServer: ServerStarter = startServerInNamespace,
): Promise<Running> {
  const lan = buildLan(network);
  await startServer(network, lan, mode);
  const running = await startBalancer(lan.balancer, lanConfig(mode, [PORT, REFUSED_PORT]));
  return { ...lan, running };
}

async function sendThere({ client, running }: Running): Promise<void> {
  const sent = noise(10_000_000);
  for (const { url } of lanFamilies) {
    const { stdout } = await curl(
      client,
      ['-m', PATIENCE, '--data-binary', '@-', `http://${url}:${PORT}/`],
      sent,
    );
    assert.ok(stdout.equals(sent), `${stdout.length} bytes came back, not the same`);
  }
  const { 'drop-too-big': tooBig = 0 } = await stopBalancer(running);
  assert.ok(tooBig >= lanFamilies.length, `${tooBig} frames were too big for the way to the server`);
}

async function openMany({ client }: Running): Promise<void> {
  for (const { vip, clients } of lanFamilies) {
    const parallel = [program('parallel-clients'), vip, String(PORT), '200', ...clients];
    const { stdout, stderr } = await client.run(process.execPath, parallel);
    assert.equal(stderr, '');
    assert.deepEqual(JSON.parse(stdout.toString()), { open: 200, matching: 200, mismatches: [] });
  }
}

async function refuse({ client }: Running): Promise<void> {
  for (const { url, family } of lanFamilies) {
    const said = await askInVain(client, `${url}:${REFUSED_PORT}`);
    assert.match(said, family === 4 ? /No route to host/ : /Permission denied/);
  }
}

async function lookForVips({ client, router, running }: Running): Promise<void> {
  await stopBalancer(running);
  router.ip('neigh', 'flush', 'dev', 'lan');
  // It gives up after one second instead of three.
  router.sysctl({ 'net/ipv4/neigh/lan/mcast_solicit': 1, 'net/ipv6/neigh/lan/mcast_solicit': 1 });
  const tries = lanFamilies.map(({ url }) => askInVain(client, `${url}:${PORT}`));
  for (const said of await Promise.all(tries)) assert.match(said, /No route to host/);
}

/** What curl says of a request that is to fail. */
async function askInVain(client: Namespace, where: string): Promise<string> {
  const { stderr } = await client.run('curl', ['-sSv', '-m', PATIENCE, `http://${where}/`]);
  return stderr;
}
