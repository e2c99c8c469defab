// The balancer shakes hands with real clients before real servers hear of them. Pictures: testbed.ts, and lan.ts for NAT.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { RunningProcess } from '../../cli/namespaces/process.js';
import type { BalancerConfig, SynProxyMode } from '../../lib/balancer/config/index.js';
import { main } from '../cli/toa.js';
import { askCounters } from '../support/ask-counters.js';
import { Flood, finishFlood } from '../support/flood.js';
import { SPOOFED_NETWORKS } from '../support/spoofed-segments.js';
import { buildLan, lanConfig, lanFamilies } from './lan.js';
import { networkTest } from './network-test.js';
import { program } from './program.js';
import { PORT, startServerInNamespace } from './real-server.js';
import {
  type Answer,
  balancerConfig,
  buildTestbed,
  curl,
  families,
  get,
  nat64Config,
  noise,
  proxied,
  startBalancer,
  startServer,
  stopBalancer,
} from './testbed.js';

/** Waits until a counter of the balancer has come so far. */
async function reached(running: RunningProcess, counter: string, least: number): Promise<void> {
  while ((await countOf(running, counter)) < least) await sleep(100);
}

async function countOf(running: RunningProcess, counter: string): Promise<number> {
  const { [counter]: count = 0 } = await askCounters(running);
  return count;
}

/** Those that there are now. */
async function connectionsOf(running: RunningProcess): Promise<number> {
  const counters = await askCounters(running);
  const ended = ['connections-expired', 'connections-renewed', 'connections-dropped'];
  return ended.reduce((left, counter) => left - (counters[counter] ?? 0), counters['connections-new'] ?? 0);
}

const silence = (port: number) => `table inet silence {
  chain input {
    type filter hook input priority filter
    tcp dport ${port} tcp flags & (syn | ack) == syn drop
  }
}`;

for (const [kind, url, options] of [
  ['http', 'http', []],
  ['https', 'https', ['--http1.1']],
  ['http2', 'https', ['--http2']],
] as const) {
  networkTest(`FULLNAT: an ${kind} server knows its clients through the SYN proxy`, async (network) => {
    const { client, balancer, server } = buildTestbed(network);
    await startServer(server, kind, 443);
    const running = await startBalancer(balancer, proxied(balancerConfig([443])));
    for (const { url: host, client: address } of families) {
      const { answer, own } = await get(client, `${url}://${host}:443/`, '--interface', address, ...options);
      assert.equal(answer.client, own);
      assert.equal(answer.shown, own);
    }
    const counters = await stopBalancer(running);
    assert.equal(counters['syn-proxy-ack-ok'], 2);
    assert.equal(counters['connections-new'], 2);
  });
}

for (const [name, synProxy] of [
  ['windows scaled', {}],
  ['no window scaled', { windowScale: 0 }],
] as const) {
  networkTest(`FULLNAT: 10 MB go each way and come back as they were, ${name}`, async (network) => {
    const { client, balancer, server } = buildTestbed(network);
    await startServer(server, 'http', 80);
    const running = await startBalancer(balancer, proxied(balancerConfig([80]), synProxy));
    const sent = noise(10_000_000);
    for (const { url } of families) {
      const { stdout } = await curl(client, ['--data-binary', '@-', `http://${url}/`], sent);
      assert.ok(stdout.equals(sent), `${stdout.length} bytes came back, not the same`);
    }
    const counters = await stopBalancer(running);
    assert.equal(counters['syn-proxy-ack-ok'], 2);
  });
}

networkTest(
  'NAT: servers see the clients, and 10 MB go each way, where neither way has room for the frames of the ends',
  async (network) => {
    const lan = buildLan(network);
    const { client, balancer } = lan;
    await startServerInNamespace(network, lan, 'nat');
    const running = await startBalancer(balancer, proxied(lanConfig('nat', [PORT]), { timestamp: true }));
    const sent = noise(10_000_000);
    for (const { url } of lanFamilies) {
      const { answer, own } = await get(client, `http://${url}/`);
      assert.equal(answer.shown, own);
      const { stdout } = await curl(client, ['--data-binary', '@-', `http://${url}/`], sent);
      assert.ok(stdout.equals(sent), `${stdout.length} bytes came back, not the same`);
    }
    const counters = await stopBalancer(running);
    assert.equal(counters['syn-proxy-ack-ok'], 4);
  },
);

networkTest('NAT64: an IPv4 server knows its IPv6 clients, and 10 MB go each way', async (network) => {
  const { client, balancer, server } = buildTestbed(network);
  await startServer(server, 'http', 80);
  const running = await startBalancer(balancer, proxied(nat64Config()));
  const url = `http://${families[1].url}/`;
  const { answer, own } = await get(client, url);
  assert.equal(answer.client, own);
  const sent = noise(10_000_000);
  const { stdout } = await curl(client, ['--data-binary', '@-', url], sent);
  assert.ok(stdout.equals(sent), `${stdout.length} bytes came back, not the same`);
  const counters = await stopBalancer(running);
  assert.equal(counters['syn-proxy-ack-ok'], 2);
});

networkTest(
  '10 MB go to and come from a real server with a smaller MSS than clients were told',
  async (network) => {
    const { client, balancer, server } = buildTestbed(network);
    // IPv6 has no smaller one.
    server.ip('link', 'set', 'eth0', 'mtu', '1280');
    await startServer(server, 'http', 80);
    const running = await startBalancer(balancer, proxied(balancerConfig([80])));
    const sent = noise(10_000_000);
    for (const offloads of [true, false]) {
      for (const end of [client, server])
        end.offloads('eth0', { tso: offloads, gso: offloads, gro: offloads });
      for (const { url } of families) {
        const { stdout } = await curl(client, ['--data-binary', '@-', `http://${url}/`], sent);
        assert.ok(stdout.equals(sent), `${stdout.length} bytes came back, not the same`);
      }
    }
    const counters = await stopBalancer(running);
    // A client that has learned of the narrow way may know better the second time.
    for (const counter of ['syn-proxy-mss-smaller', 'drop-too-big']) {
      assert.ok((counters[counter] ?? 0) >= families.length, `${counter} ${counters[counter]}`);
    }
  },
);

networkTest('a client whose real server refuses is reset', async (network) => {
  const { client, balancer } = buildTestbed(network);
  const running = await startBalancer(balancer, proxied(balancerConfig([80])));
  for (const { url } of families) {
    // curl may see it before it has seen that it is connected.
    const { code, stderr } = await client.run('curl', ['-sS', '-m', '30', `http://${url}/`]);
    assert.ok(code === 7 || /reset by peer/.test(stderr), stderr);
  }
  const counters = await stopBalancer(running);
  assert.equal(counters['syn-proxy-refused'], families.length);
});

networkTest('a client whose real server never answers is reset when all SYNs were sent', async (network) => {
  const { client, balancer, server } = buildTestbed(network);
  server.nft(silence(80));
  const running = await startBalancer(balancer, proxied(balancerConfig([80]), { synRetries: 1 }));
  const asking = families.map(({ url }) => client.run('curl', ['-sS', '-m', '60', `http://${url}/`]));
  for (const { stderr } of await Promise.all(asking)) assert.match(stderr, /reset by peer/);
  const counters = await stopBalancer(running);
  assert.equal(counters['syn-proxy-resent'], families.length);
  assert.equal(counters['syn-proxy-given-up'], families.length);
});

networkTest('a real server that answers late gets the whole request', async (network) => {
  const { client, balancer, server } = buildTestbed(network);
  await startServer(server, 'http', 80);
  const running = await startBalancer(balancer, proxied(balancerConfig([80])));
  const sent = noise(60_000);
  for (const { url, client: address } of families) {
    server.nft(silence(80));
    const before = await countOf(running, 'syn-proxy-resent');
    const posting = curl(client, ['-H', 'Expect:', '--data-binary', '@-', `http://${url}/`], sent);
    await reached(running, 'syn-proxy-resent', before + 1);
    server.execute('nft', 'delete', 'table', 'inet', 'silence');
    const { stdout } = await posting;
    assert.ok(stdout.equals(sent), `${stdout.length} bytes came back, not the same`);
    const { answer, own } = await get(client, `http://${url}/`, '--interface', address);
    assert.equal(answer.client, own);
  }
});

networkTest('it is switched on and off while connections live on', async (network, t) => {
  const { client, balancer, server } = buildTestbed(network);
  await startServer(server, 'http', 80);
  const folder = mkdtempSync(join(tmpdir(), 'toa-syn-proxy-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'lb.json');
  const write = (mode: SynProxyMode) =>
    writeFileSync(file, JSON.stringify(proxied(balancerConfig([80]), { mode })));
  write('off');
  const running = balancer.start(process.execPath, [main, 'lb', 'run', '-c', file, '--json']);
  await running.line(/^ready/);
  const clients: RunningProcess[] = [];
  const connect = async () => {
    for (const { vip } of families) {
      const patient = client.start(process.execPath, [program('patient-client'), vip, '80']);
      await patient.line(/^answer 1/);
      clients.push(patient);
    }
  };

  await connect();
  for (const mode of ['on', 'off'] as const) {
    write(mode);
    running.child.kill('SIGHUP');
    await running.line(new RegExp(`"event":"reloaded".*"to":"${mode}"`));
    await connect();
  }
  for (const patient of clients) {
    patient.stdin.write('\n');
    const { client: seen } = JSON.parse((await patient.line(/^answer 2/)).replace('answer 2 ', '')) as Answer;
    assert.match(seen ?? '', /^(203\.0\.113\.\d|\[2001:db8::\d\]):\d+$/);
    assert.equal((await patient.finished()).code, 0);
  }
  const counters = await stopBalancer(running);
  assert.equal(counters['syn-proxy-ack-ok'], families.length);
  assert.equal(counters['connections-new'], 3 * families.length);
});

networkTest('auto: a flood switches it on, and off again when it is over', async (network) => {
  const { client, balancer, server } = buildTestbed(network);
  await startServer(server, 'http', 80);
  const synProxy = { mode: 'auto', halfOpenHigh: 100 } as const;
  const config = proxied(balancerConfig([80]), synProxy, { timeouts: { synReceived: 1 } });
  const running = await startBalancer(balancer, withWayBack(config));
  const flood = new Flood(client, 'eth0');
  const macs = { from: macOf(client, 'eth0'), to: macOf(balancer, 'clients') };
  const floods = families.map(({ vip }) =>
    flood.start({ address: vip, port: 80, macs }, ['syn'], { perSecond: 1000, seconds: 5 }),
  );
  await reached(running, 'syn-proxy-auto-on', families.length);
  for (const { url, client: address } of families) {
    const { answer, own } = await get(client, `http://${url}/`, '--interface', address);
    assert.equal(answer.client, own);
  }
  await Promise.all(floods.map(finishFlood));
  // Half-open connections are seen over ten seconds.
  await reached(running, 'syn-proxy-auto-off', families.length);
  const counters = await stopBalancer(running);
  assert.equal(counters['syn-proxy-ack-ok'], families.length);
  assert.ok(flood.answers().synAcks > 0);
});

/** Seconds of flood, and ms that a connection may take in it. */
const FLOOD = 20;
const PATIENCE = 30_000;

/** Seconds that an idle connection is kept in it, and ms after which all of them must be over. */
const IDLE = 15;
const OVER = 2000 * IDLE;

/** Bytes that a process may grow by for reasons of its own. */
const BREATH = 24 << 20;

networkTest(
  '50 clients are all served in a flood of spoofed SYNs and random ACKs, which leaves nothing behind in the balancer',
  async (network, t) => {
    const { client, balancer, server } = buildTestbed(network);
    await startServer(server, 'http', 80);
    const config = proxied(balancerConfig([80]), {}, { timeouts: { established: IDLE } });
    const running = await startBalancer(balancer, withWayBack(config));
    const flood = new Flood(client, 'eth0');
    const macs = { from: macOf(client, 'eth0'), to: macOf(balancer, 'clients') };
    const [target, target6] = families.map(({ vip }) => ({ address: vip, port: 80, macs }));
    const busyClients = async (seconds: number) => {
      const runs = families.map(({ vip }) => {
        const args = [vip, 80, 25, 100, PATIENCE, seconds].map(String);
        return client.run(process.execPath, [program('busy-clients'), ...args]);
      });
      const outputs = (await Promise.all(runs)).map(({ stdout }) => stdout.toString());
      return outputs.map((output) => JSON.parse(output) as { completed: number; failures: string[] });
    };

    await busyClients(1);
    const { synAcks, seconds } = await flood.run(target!, ['syn'], { perSecond: Infinity, seconds: 2 });
    const perSecond = synAcks / seconds / 2;
    const before = { counters: await askCounters(running), memory: memoryOf(running) };
    const floods = [target!, target6!].map((each) =>
      flood.start(each, ['syn', 'ack'], { perSecond: perSecond / 2, seconds: FLOOD }),
    );
    const served = await busyClients(FLOOD);
    const reports = await Promise.all(floods.map(finishFlood));
    const after = { counters: await askCounters(running), memory: memoryOf(running) };

    const completed = served.reduce((sum, each) => sum + each.completed, 0);
    const sent = reports.reduce((sum, each) => sum + each.sent, 0);
    const grown = (counter: string) => (after.counters[counter] ?? 0) - (before.counters[counter] ?? 0);
    const growth = after.memory - before.memory;
    t.diagnostic(
      `${Math.round(perSecond)} of ${sent} spoofed segments per second, ${completed} connections of clients, ${growth} bytes more`,
    );
    assert.deepEqual(
      served.flatMap(({ failures }) => failures),
      [],
    );
    assert.ok(grown('syn-proxy-syn') > completed, 'the flood did not come through');
    assert.ok(grown('drop-syn-proxy-bad-ack') > completed, 'the flood did not come through');
    // One random ACK in 1.8 million passes.
    const strangers = grown('connections-new') + grown('syn-proxy-reused') - completed;
    assert.ok(strangers >= 0 && strangers < 30, `${strangers} connections are of no client`);
    assert.ok(growth < BREATH, `${growth} bytes of memory for ${sent} segments`);
    const deadline = performance.now() + OVER;
    while ((await connectionsOf(running)) > 0 && performance.now() < deadline) await sleep(500);
    assert.equal(await connectionsOf(running), 0, 'the connections of clients and strangers alike are over');
  },
);

/** The same, with a way to those who are claimed to have sent a flood. */
function withWayBack(config: BalancerConfig): BalancerConfig {
  const back = families.map(({ family, client }) => ({
    to: SPOOFED_NETWORKS[family],
    link: 'clients',
    via: client,
  }));
  return { ...config, routes: [...(config.routes ?? []), ...back] };
}

/** Of an interface. */
function macOf(namespace: Namespace, device: string): string {
  const [link] = JSON.parse(namespace.ip('-j', 'link', 'show', device)) as { address: string }[];
  return link!.address;
}

/** Bytes of memory that a process has made its own (proc(5)). */
function memoryOf({ child }: RunningProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
