// `toa watch` beside a running balancer. Picture: testbed.ts; it watches where the real server is.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { Network } from '../../cli/namespaces/network.js';
import type { RunningProcess } from '../../cli/namespaces/process.js';
import { readJson } from '../cli/json.js';
import { main } from '../cli/toa.js';
import { requireProgram } from '../support/require.js';
import { networkTest } from './network-test.js';
import { program } from './program.js';
import {
  balancerConfig,
  buildTestbed,
  endpoint,
  families,
  get,
  startBalancer,
  startServer,
  stopBalancer,
  type Testbed,
} from './testbed.js';

interface ConnectionEvent {
  event: 'connection';
  peer: { address: string; port: number };
  server: { address: string; port: number };
  client: { address: string; port: number } | null;
  on: string[];
  trusted: boolean | null;
  odd: string[];
}

interface LossEvent {
  event: 'loss';
  dropped: number;
}

interface SummaryEvent {
  event: 'summary';
  packets: number;
  connections: number;
  withToa: number;
  dropped: number;
  outcomes: Record<string, number>;
  peers: { address: string; connections: number }[];
}

async function startWatch(namespace: Namespace, ...args: string[]): Promise<RunningProcess> {
  const running = namespace.start(process.execPath, [main, 'watch', '--json', ...args]);
  await running.line(/^watching/);
  return running;
}

async function stopWatch(
  running: RunningProcess,
  signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP' = 'SIGINT',
): Promise<{ connections: ConnectionEvent[]; losses: number; summary: SummaryEvent }> {
  const { code, stdout, stderr } = await running.stop(signal);
  assert.equal(code, signal === 'SIGINT' ? 130 : 0, stderr);
  const events = readJson<ConnectionEvent | LossEvent | SummaryEvent>('watch', stdout.toString());
  return {
    connections: events.filter((event): event is ConnectionEvent => event.event === 'connection'),
    losses: events.reduce((sum, event) => sum + (event.event === 'loss' ? event.dropped : 0), 0),
    summary: events.at(-1) as SummaryEvent,
  };
}

/** The network with its server and a balancer for port 80. */
async function startAll(network: Network): Promise<Testbed & { running: RunningProcess }> {
  const testbed = buildTestbed(network);
  await startServer(testbed.server, 'http', 80);
  return { ...testbed, running: await startBalancer(testbed.balancer, balancerConfig([80])) };
}

const CONNECTIONS = 5000;
const PER_SECOND = 500;

/** Makes half of the connections from each family; the endpoints that they came from, or why not all of them came about. */
async function makeConnections(client: Namespace): Promise<{ owns: string[]; failure?: string }> {
  const owns: string[] = [];
  for (const { vip, client: from } of families) {
    const args = [program('paced-clients'), vip, '80', `${CONNECTIONS / 2}`, `${PER_SECOND}`, from];
    const { code, stdout, stderr } = await client.run(process.execPath, args);
    if (code !== 0) return { owns, failure: stderr };
    owns.push(...(JSON.parse(stdout.toString()) as string[]));
  }
  return { owns };
}

networkTest(
  '5,000 paced connections: as many are told as the balancer counts, each with its client',
  async (network, t) => {
    const { client, balancer, server } = buildTestbed(network);
    await startServer(server, 'http', 80);
    const trust = families.map(({ local }) => local).join(',');
    for (const attempt of [1, 2]) {
      const running = await startBalancer(balancer, balancerConfig([80]));
      const watch = await startWatch(server, 'eth0', '-p', '80', '--trust', trust);
      const { owns, failure } = await makeConnections(client);
      const { connections, summary } = await stopWatch(watch);
      const counters = await stopBalancer(running);
      const overload = failure ?? (summary.dropped > 0 && `the kernel dropped ${summary.dropped} packets`);
      if (overload) {
        assert.equal(attempt, 1, `overloaded, twice: ${overload}`);
        t.diagnostic(`overloaded, once more: ${overload}`);
        continue;
      }
      // A client's port used again in time makes a new connection out of an old one.
      assert.equal(counters['connections-new']! + counters['connections-reused']!, CONNECTIONS);
      assert.equal(summary.connections, CONNECTIONS);
      assert.equal(summary.withToa, CONNECTIONS);
      assert.deepEqual(summary.outcomes, { established: CONNECTIONS });
      const told = connections.map((each) => each.client && endpoint(each.client.address, each.client.port));
      assert.deepEqual(told.sort(), owns.sort());
      for (const { odd, trusted, on } of connections) {
        assert.deepEqual([odd, trusted, on], [[], true, ['syn', 'ack', 'data']]);
      }
      for (const { local } of families) {
        const ofLocal = summary.peers.find(({ address }) => address === local);
        assert.equal(ofLocal?.connections, CONNECTIONS / 2);
      }
      return;
    }
  },
);

networkTest('on all interfaces, and on the loopback, each connection is told once', async (network) => {
  const { client, server } = await startAll(network);
  const everywhere = await startWatch(server);
  const loopback = await startWatch(server, 'lo');
  for (const { url } of families) await get(client, `http://${url}/`);
  for (const url of ['127.0.0.1', '[::1]']) await get(server, `http://${url}/`);
  const { connections, summary } = await stopWatch(everywhere);
  assert.equal(summary.connections, 4);
  assert.equal(connections.filter(({ client: named }) => named).length, 2);
  assert.deepEqual((await stopWatch(loopback, 'SIGHUP')).summary.outcomes, { established: 2 });
});

networkTest('what the balancer marks, on which segment, is what is told', async (network) => {
  const { client, balancer, server } = buildTestbed(network);
  await startServer(server, 'http', 80);
  for (const on of [['syn'], ['ack']] as const) {
    const config = balancerConfig([80]);
    const services = config.services.map((service) => ({ ...service, toa: { on } }));
    const running = await startBalancer(balancer, { ...config, services } as typeof config);
    const watch = await startWatch(server, 'eth0');
    const { own } = await get(client, `http://${families[0].url}/`);
    const [told] = (await stopWatch(watch)).connections;
    assert.equal(told?.client && endpoint(told.client.address, told.client.port), own);
    assert.deepEqual(told?.on.slice(0, 1), on);
    await stopBalancer(running);
  }
});

networkTest('only the ports that were asked for come out of the kernel', async (network) => {
  const { client, server } = await startAll(network);
  const watch = await startWatch(server, 'eth0', '-p', '81');
  for (const { url } of families) await get(client, `http://${url}/`);
  const { summary } = await stopWatch(watch);
  assert.equal(summary.packets, 0);
});

networkTest('-w saves what tshark and capinfos read, with the packets commented', async (network, t) => {
  if (!requireProgram(t, 'tshark')) return;
  const folder = mkdtempSync(join(tmpdir(), 'toa-watch-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'saved.pcapng');
  const { client, server } = await startAll(network);
  const watch = await startWatch(server, 'eth0', '-w', file);
  const owns: string[] = [];
  for (const { url } of families) owns.push((await get(client, `http://${url}/`)).own);
  const { summary } = await stopWatch(watch, 'SIGTERM');
  const comments = server.execute(
    'tshark',
    '-r',
    file,
    '-T',
    'fields',
    '-e',
    'frame.comment',
    '-Y',
    'frame.comment',
  );
  for (const [index, format] of ['toa-v4', 'toa-v6'].entries()) {
    assert.ok(comments.includes(`TOA on the SYN: ${format} names client ${owns[index]}\n`), comments);
  }
  const information = server.execute('capinfos', '-M', file);
  assert.match(information, new RegExp(`^Number of packets: +${summary.packets}$`, 'm'));
  assert.match(information, /^File encapsulation: +rawip$/m);
});

networkTest('it ends by itself after --duration, and after -c lines', async (network) => {
  const { client, server } = await startAll(network);
  const timed = await startWatch(server, 'eth0', '--duration', '1');
  assert.equal((await timed.finished()).code, 0);
  const counted = await startWatch(server, 'eth0', '-c', '2');
  for (const { url } of families) await get(client, `http://${url}/`);
  const { code, stdout } = await counted.finished();
  assert.equal(code, 0);
  assert.equal(readJson('watch', stdout.toString()).length, 3);
});

networkTest('an interface that goes away ends it with 3, its name and the summary', async (network) => {
  const server = network.namespace('server');
  network.cable(
    { namespace: network.namespace('client'), device: 'eth0' },
    { namespace: server, device: 'eth0' },
  );
  const watch = await startWatch(server, 'eth0');
  server.execute('ip', 'link', 'delete', 'eth0');
  const { code, stdout, stderr } = await watch.finished();
  assert.equal(code, 3);
  assert.match(stderr, /^toa: the interface eth0 is gone \(ip link shows .*\)$/m);
  assert.deepEqual(
    readJson<SummaryEvent>('watch', stdout.toString()).map(({ event }) => event),
    ['summary'],
  );
});

networkTest('without the privilege it ends with 4 and says which one it needs', async (network) => {
  const server = network.namespace('server');
  const args = ['--bounding-set', '-all', process.execPath, main, 'watch', 'lo'];
  const { code, stderr } = await server.run('setpriv', args);
  assert.equal(code, 4, stderr);
  assert.match(stderr, /^toa: cannot open a packet socket on lo: EPERM .*CAP_NET_RAW/);
});

const blaster = fileURLToPath(new URL('../../bench/watch/conversation-blaster.js', import.meta.url));

networkTest('what the kernel drops while it is held up is said, and counted', async (network) => {
  const sender = network.namespace('sender');
  const server = network.namespace('server');
  network.cable({ namespace: sender, device: 'eth0' }, { namespace: server, device: 'eth0' });
  const watch = await startWatch(server, 'eth0');
  watch.child.kill('SIGSTOP');
  // More packets than the kernel's buffer has room for.
  const { code, stdout, stderr } = await sender.run(process.execPath, [blaster, 'eth0', '200000', '1']);
  assert.equal(code, 0, stderr);
  watch.child.kill('SIGCONT');
  assert.match(await watch.line(/cannot keep up/), /^toa: cannot keep up: the kernel dropped \d+ packets/);
  const { summary, losses } = await stopWatch(watch);
  const [sent = 0] = stdout.toString().split(' ').map(Number);
  assert.ok(summary.dropped > 0);
  assert.ok(summary.packets + summary.dropped <= sent);
  assert.equal(losses, summary.dropped);
});
