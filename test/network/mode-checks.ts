/** What must be so in every mode in which real servers know the clients. */
import assert from 'node:assert/strict';
import type { Network } from '../../cli/namespaces/network.js';
import type { RunningProcess } from '../../cli/namespaces/process.js';
import { buildLan, joinMode, type Lan, type LanMode, lanConfig, lanFamilies } from './lan.js';
import { program } from './network-test.js';
import { curl, locals, noise, startBalancer, startServer, stopBalancer } from './testbed.js';

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
const PORT = 80;
/** The server's own firewall refuses this one. */
const REFUSED_PORT = 81;

/** The last one ends the balancer. */
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
];

export async function startMode(network: Network, mode: LanMode): Promise<Running> {
  const lan = buildLan(network);
  await joinMode(lan.server, mode);
  await startServer(lan.server, 'http', PORT, locals);
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

async function refuse({ client, server }: Running): Promise<void> {
  server.nft(`table inet firewall {
    chain input {
      type filter hook input priority filter
      tcp dport ${REFUSED_PORT} reject with icmpx type admin-prohibited
    }
  }`);
  for (const { url, family } of lanFamilies) {
    const { stderr } = await client.run('curl', ['-sSv', '-m', PATIENCE, `http://${url}:${REFUSED_PORT}/`]);
    assert.match(stderr, family === 4 ? /No route to host/ : /Permission denied/);
  }
}
