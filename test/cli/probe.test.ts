// `toa probe` against `toa serve`, over network namespaces:
//
//   prober 10.0.0.1, fd00::1 ──── 10.0.0.2, fd00::2, 203.0.113.2 server

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { Network } from '../../cli/namespaces/network.js';
import type { RunningProcess } from '../../cli/namespaces/process.js';
import { runCommand } from '../../lib/daemon/command.js';
import { type Endpoint, formatEndpoint } from '../../lib/net/address.js';
import { formats } from '../../lib/toa/index.js';
import { networkTest } from '../network/network-test.js';
import { readJson, readOneJson } from './json.js';
import { layProber } from './prober.js';
import { main, toa } from './toa.js';

const CLIENT4 = '203.0.113.7:4567';
const CLIENT6 = '[2001:db8::7]:4567';
const VIPS = { 4: '192.0.2.80:443', 6: '[2001:db8:80::80]:443' } as const;
const SERVERS = { 4: '10.0.0.2', 6: '[fd00::2]' } as const;

interface ProbeResult {
  source: Endpoint;
  connected: boolean;
  answer: { bytes: number; status: number | null; firstLine: string; text: string };
  server: { client: Endpoint; via: string | null; vip: Endpoint | null } | null;
  verdict: string;
  reason: string;
  remedy: string | null;
}

/** Starts `toa serve`; answers when it listens. */
async function serve(server: Namespace, port: number, ...options: string[]): Promise<RunningProcess> {
  const args = [main, 'serve', '--port', String(port), '--json', ...options];
  const running = server.start(process.execPath, args);
  await running.line(/^listening/);
  return running;
}

/** Runs `toa probe --json`, to its end. */
async function probe(prober: Namespace, ...args: string[]): Promise<ProbeResult & { code: number | null }> {
  const { code, stdout, stderr } = await prober.run(process.execPath, [main, 'probe', '--json', ...args]);
  assert.equal(stderr, '');
  return { code, ...readOneJson<ProbeResult>('probe', stdout.toString()) };
}

const text = (endpoint: Endpoint | null) => endpoint && formatEndpoint(endpoint.address, endpoint.port);

const rulesetOf = (namespace: Namespace) => namespace.execute('nft', 'list', 'ruleset');

networkTest(
  'every format on the SYN is recovered from the saved SYN, and on no other segment; then it is said why',
  async (network) => {
    const { prober, server } = layProber(network);
    const trust = ['--trust', '10.0.0.1/32,fd00::1/128'];
    await serve(server, 80, '--formats', 'all', ...trust);
    await serve(server, 81, '--formats', 'vip-253', ...trust);
    for (const { id, client, vip } of formats) {
      const family = (client ?? vip)!.family;
      const named = family === 4 ? CLIENT4 : CLIENT6;
      const port = id.startsWith('vip-253') ? 81 : 80;
      const args = [`${SERVERS[family]}:${port}`, '--client', named, '--vip', VIPS[family], '--format', id];

      const syn = await probe(prober, ...args, '--on', 'syn');
      assert.deepEqual([syn.verdict, syn.code], ['recovered', 0], `${id}: ${JSON.stringify(syn)}`);
      const { via, vip: seenVip, client: seen } = syn.server!;
      if (client)
        assert.equal(text(seen), client.port === undefined ? named.replace('4567', '0') : named, id);
      if (client) assert.equal(via, 'saved-syn');
      assert.match(syn.reason, client ? /, by the saved SYN$/ : /^the server knows the service [^ ,]+$/, id);
      const wantedVip = vip?.port === undefined ? VIPS[family].replace('443', '0') : VIPS[family];
      assert.equal(text(seenVip), vip ? wantedVip : null, id);

      const segments = ['ack', 'data'];
      const lost = await Promise.all(segments.map((segment) => probe(prober, ...args, '--on', segment)));
      for (const [index, late] of lost.entries()) {
        const segment = segments[index];
        assert.deepEqual([late.verdict, late.code], ['lost', 1], `${id}: ${JSON.stringify(late)}`);
        assert.match(late.reason, new RegExp(`^the option was on ${segment} only`));
        assert.match(late.remedy!, /toa module load/);
        assert.deepEqual(late.server!.client, late.source);
      }
    }
    assert.equal(rulesetOf(prober), '');
  },
);

networkTest(
  'a probe of the host itself needs no device, and takes away what a killed one left',
  async (network) => {
    const { server } = layProber(network);
    server.nft('table inet toakit_1_1 {\n}\n');
    await serve(server, 80, '--trust', 'private');
    for (const host of ['127.0.0.1', '[::1]', 'localhost', ...Object.values(SERVERS)]) {
      const { code, verdict, server: seen } = await probe(server, `${host}:80`, '--client', CLIENT4);
      assert.deepEqual([code, verdict, text(seen!.client)], [0, 'recovered', CLIENT4], host);
    }
    assert.equal(rulesetOf(server), '');
  },
);

networkTest(
  'serve tells each connection and its end in lines of JSON, over HTTP and raw',
  async (network) => {
    const { prober, server } = layProber(network);
    const http = await serve(server, 80, '--trust', '10.0.0.1');
    const raw = await serve(server, 81, '--trust', '10.0.0.1', '--raw');
    await probe(prober, '10.0.0.2:80', '--client', CLIENT6);
    await probe(prober, '[fd00::2]:80', '--client', CLIENT6);
    const { verdict } = await probe(prober, '10.0.0.2:81', '--client', CLIENT4, '--raw');
    assert.equal(verdict, 'recovered');
    const { stdout } = await prober.run('curl', ['-s', 'http://10.0.0.2/whatever']);
    const [answer] = readJson('serve', stdout.toString());
    assert.deepEqual([answer!.reason, answer!.module], ['missing', false]);

    const ended = await http.stop('SIGINT');
    assert.equal(ended.code, 130);
    const [listening, ...events] = readJson('serve', ended.stdout.toString());
    assert.deepEqual([listening!.event, listening!.address, listening!.port], ['listening', '::', 80]);
    const told = events.map(({ event, reason, client, claimed }) => [
      event,
      reason,
      text((client ?? null) as Endpoint | null),
      text((claimed ?? null) as Endpoint | null),
    ]);
    assert.deepEqual(told[0], ['connection', 'recovered', CLIENT6, null]);
    assert.deepEqual([told[1]![1], told[1]![3]], ['untrusted', CLIENT6]);
    assert.deepEqual(events[2], answer);
    const { connections } = events[3] as { connections: Record<string, number> };
    assert.deepEqual([connections.savedSyn, connections.untrusted, connections.missing], [1, 1, 1]);

    const terminated = await raw.stop('SIGTERM');
    assert.equal(terminated.code, 0);
    assert.equal(readJson('serve', terminated.stdout.toString()).length, 3);
    assert.match(terminated.stderr, /^ended: 1 savedSyn$/m);
  },
);

networkTest('a verdict says why an address got lost, and what to do', async (network) => {
  const { prober, server } = layProber(network);
  await serve(server, 80, '--trust', '192.0.2.1', '--host', '0.0.0.0');
  await serve(server, 81, '--trust', 'private');
  const rows: [args: string[], verdict: string, reason: RegExp, remedy: RegExp][] = [
    [['10.0.0.2:80', '--client', CLIENT4], 'lost', /does not trust 10\.0\.0\.1/, /--trust/],
    [['10.0.0.2:80', '--client', CLIENT4, '--on', 'ack'], 'lost', /does not trust 10\.0\.0\.1/, /--trust/],
    [['10.0.0.2:81', '--client', '127.0.0.1:4567'], 'lost', /no client can have the address/, /203\.0\.113/],
    [
      ['10.0.0.2:81', '--client', CLIENT4, '--format', 'toa-v4-200'],
      'lost',
      /no option that it accepts/,
      /--formats toa-v4-200/,
    ],
    [['10.0.0.2:82', '--client', CLIENT4], 'no-answer', /refused/, /start toa serve/],
  ];
  for (const [args, verdict, reason, remedy] of rows) {
    const result = await probe(prober, ...args, '--timeout', '3');
    assert.deepEqual([result.verdict, result.code], [verdict, 1], args.join(' '));
    assert.match(result.reason, reason);
    assert.match(result.remedy!, remedy);
  }
});

networkTest('without --json the same is said in words', async (network) => {
  const { server } = layProber(network);
  const running = server.start(process.execPath, [main, 'serve', '--port', '80', '--trust', 'private']);
  await running.line(/^listening on \[::\]:80$/);
  const args = [main, 'probe', '10.0.0.2:80', '--client', CLIENT4];
  const { code, stdout, stderr } = await server.run(process.execPath, args);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(
    stdout.toString(),
    /^connection {2}10\.0\.0\.2:\d+ to 10\.0\.0\.2:80: finished\noption {6}toa-v4 on syn, ack, data: client 203\.0\.113\.7:4567\nanswer {6}HTTP\/1\.1 200 OK \(\d+ bytes\)\nverdict {5}recovered: the server knows 203\.0\.113\.7:4567, by the saved SYN\n$/,
  );
  await running.line(/Z {2}203\.0\.113\.7:4567 via saved-syn, balancer 10\.0\.0\.2:\d+$/);
});

networkTest('other servers are shown as they answer, without what could harm a terminal', async (network) => {
  const { prober, server } = layProber(network);
  const script = `
    require('net').createServer((socket) => {
      socket.end('HTTP/1.1 404 No\\r\\nX: y\\r\\n\\r\\n\\x1b[31mred\\x07\\nnext\\n');
    }).listen(80, () => console.log('listening'));`;
  await server.start(process.execPath, ['-e', script]).line(/^listening/);
  const { code, verdict, answer } = await probe(prober, '10.0.0.2:80', '--client', CLIENT4);
  assert.deepEqual([code, verdict, answer.status, answer.text], [0, 'unknown', 404, '[31mred\nnext\n']);
  const words = await prober.run(process.execPath, [main, 'probe', '10.0.0.2:80', '--client', CLIENT4]);
  assert.match(words.stdout.toString(), /^verdict {5}unknown: .*\n(.*\n)+\n\[31mred\nnext\n$/m);
});

networkTest('a public destination is refused, unless one says that it is one’s own', async (network) => {
  const { prober, server } = layProber(network);
  server.address('lo', '203.0.113.2/32');
  prober.route('203.0.113.2/32', { via: '10.0.0.2' });
  await serve(server, 80, '--trust', 'private,203.0.113.2');
  const args = [main, 'probe', '203.0.113.2:80', '--client', CLIENT4];
  const refused = await prober.run(process.execPath, args);
  assert.equal(refused.code, 2);
  assert.equal(refused.stdout.toString(), '');
  assert.equal(
    refused.stderr,
    'toa: 203.0.113.2 is a public address, and a probe tells it a forged one of a client (if the server is yours, say --yes-i-own-this-server)\n',
  );
  const own = await server.run(process.execPath, args);
  assert.equal(own.code, 0, own.stderr);
  const permitted = await prober.run(process.execPath, [...args, '--yes-i-own-this-server']);
  assert.equal(permitted.code, 0, permitted.stderr);
});

networkTest(
  'a server that says nothing, and one that is not there, cost no more than the timeout',
  async (network) => {
    const { prober, server } = layProber(network);
    const script = `require('net').createServer(() => {}).listen(80, () => console.log('listening'));`;
    await server.start(process.execPath, ['-e', script]).line(/^listening/);
    server.nft(
      'table ip drops { chain input { type filter hook input priority 0; tcp dport 81 drop;\n}\n}\n',
    );
    for (const [host, reason] of [
      ['10.0.0.2:80', 'the connection was unfinished, and nothing came back'],
      ['10.0.0.2:81', 'nobody answered the SYN'],
    ] as const) {
      const silent = await probe(prober, host, '--client', CLIENT4, '--timeout', '1');
      assert.deepEqual([silent.code, silent.verdict, silent.reason], [1, 'no-answer', reason]);
      assert.match(silent.remedy!, /--raw|firewall/);
    }
  },
);

/** A probe of a server that takes connections and says nothing, once its guard is there. */
async function waitingProbe(network: Network): Promise<{ prober: Namespace; running: RunningProcess }> {
  const { prober, server } = layProber(network);
  const script = `require('net').createServer(() => console.log('accepted')).listen(80, () => console.log('listening'));`;
  const silent = server.start(process.execPath, ['-e', script]);
  await silent.line(/^listening/);
  const args = [main, 'probe', '10.0.0.2:80', '--client', CLIENT4, '--timeout', '60'];
  const running = prober.start(process.execPath, args);
  await silent.line(/^accepted/);
  assert.match(
    rulesetOf(prober),
    /table inet toakit_\d+_\d+ \{\n.*\n.*\n\s*ip saddr 10\.0\.0\.1 ip daddr 10\.0\.0\.2 tcp sport \d+ tcp dport 80 .*accept\n.*drop\n/,
  );
  return { prober, running };
}

networkTest('a probe that is interrupted exits with 130 and leaves no rule behind', async (network) => {
  const { prober, running } = await waitingProbe(network);
  const { code, stdout } = await running.stop('SIGINT');
  assert.deepEqual([code, stdout.toString()], [130, '']);
  assert.equal(rulesetOf(prober), '');
});

networkTest('a probe that is killed leaves no rule and no process behind either', async (network) => {
  const { prober, running } = await waitingProbe(network);
  const { signal } = await running.stop('SIGKILL');
  assert.equal(signal, 'SIGKILL');
  const left = () => [rulesetOf(prober), runCommand('ip', ['netns', 'pids', prober.name])];
  const deadline = Date.now() + 15_000;
  while (left().some((text) => text !== '') && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.deepEqual(left(), ['', '']);
});

networkTest('without the right to do it a probe exits with 4, without nft with 3', async (network) => {
  const { prober } = layProber(network);
  const args = [main, 'probe', '10.0.0.2:80', '--client', CLIENT4];
  const drop = ['--bounding-set', '-all', '--inh-caps', '-all'];
  const powerless = await prober.run('setpriv', [...drop, process.execPath, ...args]);
  assert.equal(powerless.code, 4, powerless.stderr);
  assert.match(
    powerless.stderr,
    /^toa: cannot open a raw socket to 10\.0\.0\.2: EPERM \(it needs CAP_NET_RAW/,
  );
  const without = await prober.run('env', ['PATH=/nonexistent', process.execPath, ...args]);
  assert.equal(without.code, 3, without.stderr);
  assert.match(without.stderr, /the command `nft` is missing \(install nftables\)/);
});

networkTest('where there is no route a probe exits with 1', async (network) => {
  const { prober } = layProber(network);
  const args = [main, 'probe', '192.168.77.1:80', '--client', CLIENT4];
  const { code, stderr } = await prober.run(process.execPath, args);
  assert.equal(code, 1);
  assert.match(stderr, /^toa: cannot open a raw socket to 192\.168\.77\.1: ENETUNREACH \(ip route get/);
});

test('wrong arguments exit with 2, and say what was wanted', () => {
  const rows: [args: string[], words: RegExp][] = [
    [['probe', '10.0.0.2:80'], /required option '--client <endpoint>' not specified/],
    [['probe', '10.0.0.2', '--client', CLIENT4], /destination: given "10\.0\.0\.2", wanted HOST:PORT/],
    [['probe', 'fd00::2:80', '--client', CLIENT4], /wanted HOST:PORT/],
    [['probe', '10.0.0.2:0', '--client', CLIENT4], /wanted HOST:PORT/],
    [['probe', '10.0.0.2:80', '--client', '203.0.113.7'], /client: given "203\.0\.113\.7", wanted 203/],
    [['probe', '10.0.0.2:80', '--client', CLIENT4, '--vip', 'x'], /vip: given "x"/],
    [['probe', '10.0.0.2:80', '--client', CLIENT4, '--on', 'fin'], /wanted syn, ack, data/],
    [['probe', '10.0.0.2:80', '--client', CLIENT4, '--format', 'toa'], /format: given "toa", wanted one of/],
    [['probe', '10.0.0.2:80', '--client', CLIENT4, '--format', 'toa-v6'], /wanted an IPv6 address/],
    [['probe', '10.0.0.2:80', '--client', CLIENT4, '--timeout', '0'], /Wanted a whole number from 1 to 3600/],
    [['serve'], /required option '--trust <cidrs>' not specified/],
    [['serve', '--trust', 'balancer'], /trust: given "balancer", wanted CIDR blocks, or 'private'\n/],
    [['serve', '--trust', 'private', '--formats', 'toa'], /formats: given "toa"/],
    [['serve', '--trust', 'private', '--port', '65536'], /Wanted a whole number from 0 to 65535/],
  ];
  for (const [args, words] of rows) {
    const { status, stdout, stderr } = toa(args);
    assert.deepEqual([status, stdout], [2, ''], `${args.join(' ')}\n${stderr}`);
    assert.match(stderr, words);
  }
});

test('serve exits with 3 where clients cannot be recovered, with 1 where the port is taken or the address another’s', () => {
  const off = toa(['serve', '--trust', 'private', '--port', '0'], { env: { TOA_DISABLE: '1' } });
  assert.equal(off.status, 3);
  assert.match(off.stderr, /TOA_DISABLE=1 is set \(unset TOA_DISABLE\)/);

  const taken = createServer().listen(0);
  const { port } = taken.address() as { port: number };
  const busy = toa(['serve', '--trust', 'private', '--port', String(port)]);
  taken.close();
  assert.equal(busy.status, 1);
  assert.match(busy.stderr, /EADDRINUSE.* \(ss -ltnp .*--port takes another\)\n$/);

  const foreign = toa(['serve', '--trust', 'private', '--host', '192.0.2.1', '--port', '0']);
  assert.equal(foreign.status, 1);
  assert.match(foreign.stderr, /EADDRNOTAVAIL.* \(ip address shows .*\)\n$/);
});
