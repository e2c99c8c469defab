// `toa lb run` as its administrator sees it. Picture: testbed.ts.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { Finished } from '../../cli/namespaces/process.js';
import type { BalancerConfig } from '../../lib/balancer/config/index.js';
import { readJson, readOneJson } from '../cli/json.js';
import { main } from '../cli/toa.js';
import { networkTest } from './network-test.js';
import {
  balancerConfig,
  buildTestbed,
  families,
  get,
  startBalancer,
  startServer,
  stopBalancer,
} from './testbed.js';

/** Runs `toa lb run` where it is expected not to come up. */
async function refused(
  namespace: Namespace,
  config: BalancerConfig,
  ...command: string[]
): Promise<Finished> {
  const [first = process.execPath, ...rest] = [...command, process.execPath, main, 'lb', 'run', '-c', '-'];
  return namespace.run(first, rest, JSON.stringify(config));
}

networkTest(
  'it says when it is ready, shows its counters when asked and at its end, and leaves no shield',
  async (network) => {
    const { client, balancer, server } = buildTestbed(network);
    await startServer(server, 'http', 80);
    const running = await startBalancer(balancer, balancerConfig([80]));
    const ready = JSON.parse(await running.line(/"event":"ready"/)) as Record<string, unknown>;
    assert.deepEqual(ready.links, ['clients', 'servers']);
    assert.deepEqual(ready.services, ['203.0.113.80:80', '[2001:db8::80]:80']);
    assert.match(balancer.execute('nft', 'list', 'tables'), new RegExp(`^table netdev ${ready.shield}\n$`));

    await get(client, `http://${families[0].url}/`);
    running.child.kill('SIGUSR2');
    const asked = JSON.parse(await running.line(/"event":"counters"/)) as {
      counters: Record<string, number>;
    };
    assert.equal(asked.counters['connections-new'], 1);
    await get(client, `http://${families[1].url}/`);

    const counters = await stopBalancer(running);
    assert.equal(counters['connections-new'], 2);
    assert.ok((counters['link.clients.received'] ?? 0) > 0);
    assert.equal(balancer.execute('nft', 'list', 'ruleset'), '');
    assert.match(
      running.stderr,
      /^ready: 2 services on clients, servers \(shield: nft table netdev toakit_\d+_\d+\)\n$/,
    );
  },
);

networkTest(
  'interrupted, it ends with 130, a table of its statistics and one of the counters that are not zero',
  async (network) => {
    const { client, balancer, server } = buildTestbed(network);
    await startServer(server, 'http', 80);
    const running = balancer.start(process.execPath, [main, 'lb', 'run', '-c', '-']);
    running.stdin.end(JSON.stringify(balancerConfig([80])));
    await running.line(/^ready/);
    await get(client, `http://${families[0].url}/`);
    const { code, stdout } = await running.stop('SIGINT');
    assert.equal(code, 130);
    const [statistics = '', counters = ''] = stdout.toString().split(/^(?=COUNTER)/m);
    assert.match(statistics, /^SERVICE +WEIGHT +ACTIVE +INACTIVE$/m);
    assert.match(statistics, /^ {2}-> 10\.0\.0\.2:80 +1 +\d +\d$/m);
    assert.match(statistics, /^TRAFFIC +CONNS +PKTS IN +PKTS OUT +BYTES IN +BYTES OUT$/m);
    assert.match(statistics, /^ {2}-> 10\.0\.0\.2:80 +1( +[1-9]\d*){4}$/m);
    assert.match(counters, /^COUNTER +VALUE\n/);
    assert.match(counters, /^connections-new +1$/m);
    assert.doesNotMatch(counters, / 0$/m);
  },
);

networkTest('SIGHUP has it take over what its file says now, if all of that is sound', async (network, t) => {
  const { client, balancer, server } = buildTestbed(network);
  for (const port of [80, 81]) await startServer(server, 'http', port);
  const folder = mkdtempSync(join(tmpdir(), 'toa-reload-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'lb.json');
  const write = (config: object) => writeFileSync(file, JSON.stringify(config));
  write(balancerConfig([80]));
  const running = balancer.start(process.execPath, [main, 'lb', 'run', '-c', file, '--json']);
  await running.line(/^ready/);
  const reload = async (event: RegExp) => {
    running.child.kill('SIGHUP');
    return readOneJson('lb-run', `${await running.line(event)}\n`);
  };

  write({ ...balancerConfig([80, 81]), routes: [{ to: '10.0.0.0/33', link: 'servers' }] });
  const { faults } = await reload(/"event":"refused"/);
  assert.deepEqual(
    (faults as { path: string }[]).map(({ path }) => path),
    ['routes[0].to'],
  );
  await running.line(/^ {2}routes\[0\]\.to: given "10\.0\.0\.0\/33"/);
  write(balancerConfig([80], { settings: { maxConnections: 5 } }));
  const refusal = await reload(/"event":"refused".*maxConnections/);
  assert.match(String(refusal.message), /has 1 fault:\n {2}settings\.maxConnections: given 5, wanted 262144/);
  await get(client, `http://${families[0].url}/`);

  write(balancerConfig([80, 81]));
  const { difference } = await reload(/"event":"reloaded"/);
  assert.deepEqual(difference, { services: { added: ['203.0.113.80:81', '[2001:db8::80]:81'] } });
  await running.line(/^service 203\.0\.113\.80:81 added$/);
  for (const { url } of families) {
    const { answer, own } = await get(client, `http://${url}:81/`);
    assert.equal(answer.client, own);
  }

  const { code, stdout } = await running.stop('SIGTERM');
  assert.equal(code, 0);
  const events = readJson('lb-run', stdout.toString());
  const { services } = events.find(({ event }) => event === 'statistics') as {
    services: { name: string; realServers: { name: string; traffic: Record<string, number> }[] }[];
  };
  const rows = services.map(({ name, realServers: [first] }) => [
    name,
    first?.name,
    first?.traffic.connections,
  ]);
  assert.deepEqual(rows, [
    ['203.0.113.80:80', '10.0.0.2:80', 1],
    ['[2001:db8::80]:80', '[fd00::2]:80', 0],
    ['203.0.113.80:81', '10.0.0.2:81', 1],
    ['[2001:db8::80]:81', '[fd00::2]:81', 1],
  ]);
  assert.equal(balancer.execute('nft', 'list', 'ruleset'), '');
});

networkTest('an interface that is not there ends it with 3 and its name', async (network) => {
  const { balancer } = buildTestbed(network);
  const config = balancerConfig([80], {
    links: [{ name: 'clients' }, { name: 'servers', interface: 'eth9' }],
  });
  const { code, stderr } = await refused(balancer, config);
  assert.equal(code, 3);
  assert.match(stderr, /^toa: cannot find interface eth9: ENODEV/);
});

networkTest('without the privilege it ends with 4 and says which one it needs', async (network) => {
  const { balancer } = buildTestbed(network);
  const { code, stderr } = await refused(balancer, balancerConfig([80]), 'setpriv', '--bounding-set', '-all');
  assert.equal(code, 4, stderr);
  assert.match(stderr, /^toa: cannot .*: EPERM .*CAP_NET_RAW/);
  assert.equal(balancer.execute('nft', 'list', 'ruleset'), '');
});

networkTest('--import-routes takes the routes that the kernel has over its interfaces', async (network) => {
  const { client, balancer, server } = buildTestbed(network);
  for (const address of ['203.0.113.1/24', '2001:db8::1/64']) balancer.address('clients', address);
  for (const address of ['10.0.0.254/24', 'fd00::254/64']) balancer.address('servers', address);
  await startServer(server, 'http', 80);
  const { routes: _, ...config } = balancerConfig([80]);
  await startBalancer(balancer, config, '--import-routes');
  for (const { url } of families) {
    const { answer, own } = await get(client, `http://${url}/`);
    assert.equal(answer.client, own);
  }
});

networkTest('an interface that goes down and comes up again is balanced on as before', async (network) => {
  const { client, balancer, server } = buildTestbed(network);
  await startServer(server, 'http', 80);
  await startBalancer(balancer, balancerConfig([80]));
  for (const { url } of families) {
    await get(client, `http://${url}/`);
    for (const state of ['down', 'up']) balancer.ip('link', 'set', 'servers', state);
    const { answer, own } = await get(client, `http://${url}/`);
    assert.equal(answer.client, own);
  }
});

networkTest(
  'a VIP port without a service refuses, and so does a service whose server does',
  async (network) => {
    const { client, balancer } = buildTestbed(network);
    const running = await startBalancer(balancer, balancerConfig([80]));
    for (const { url } of families) {
      const other = await client.run('curl', ['-sS', '-m', '10', `http://${url}:81/`]);
      assert.equal(other.code, 7, other.stderr);
      const closed = await client.run('curl', ['-sS', '-m', '10', `http://${url}:80/`]);
      assert.equal(closed.code, 7, closed.stderr);
    }
    const counters = await stopBalancer(running);
    assert.equal(counters['drop-no-service'], 2);
  },
);

networkTest("--trace tells what becomes of one client's packets, and of nobody else's", async (network) => {
  const { client, balancer, server } = buildTestbed(network);
  await startServer(server, 'http', 80);
  const running = await startBalancer(balancer, balancerConfig([80]), '--trace', '203.0.113.7');
  const url = `http://${families[0].url}/`;
  await get(client, url, '--interface', '203.0.113.8');
  const { own } = await get(client, url, '--interface', '203.0.113.7');
  const { stdout } = await running.stop('SIGTERM');
  interface Step {
    event: string;
    link: string;
    packet: string;
    verdict: string;
    sent: { link: string }[];
    counted: Record<string, number>;
    connection: { realServer: string };
  }
  const steps = readJson<Step>('lb-run', stdout.toString()).filter(({ event }) => event === 'trace');
  const packets = steps.map(({ packet }) => packet);
  assert.ok(packets.length >= 8, packets.join('\n'));
  const [syn, synAck] = packets;
  assert.ok(syn?.startsWith(`${own} > 203.0.113.80:80 [S]`), syn);
  assert.match(synAck ?? '', /^10\.0\.0\.2:80 > 10\.0\.0\.1:\d+ \[SA\]/);
  assert.equal(steps[0]?.counted['toa-added'], 1);
  assert.deepEqual([steps[0]?.link, steps[0]?.sent[0]?.link], ['clients', 'servers']);
  assert.equal(steps[0]?.connection.realServer, '10.0.0.2:80');
  assert.ok(steps.every(({ verdict }) => verdict !== 'dropped'));
  assert.doesNotMatch(packets.join('\n'), /203\.0\.113\.8:/);
});

networkTest('--trace wants an address', async (network) => {
  const balancer = network.namespace('balancer');
  const { code, stderr } = await balancer.run(process.execPath, [
    main,
    'lb',
    'run',
    '-c',
    '-',
    '--trace',
    'host',
  ]);
  assert.equal(code, 2);
  assert.match(stderr, /wanted: an address/);
});
