// `toa verify` on the server, beside probes and servers that keep SYNs or do not:
//
//   prober 10.0.0.1, fd00::1 ──── 10.0.0.2, fd00::2 server
//
// and in the network of test/network/testbed.ts, with a balancer, on the client and on the server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Loaded } from '../../cli/module/loaded.js';
import { parseTcpTable } from '../../cli/module/tcp-table.js';
import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { Network } from '../../cli/namespaces/network.js';
import type { Finished, RunningProcess } from '../../cli/namespaces/process.js';
import { judge, type OwnerSide } from '../../cli/verify/judge.js';
import { parseRecords } from '../../cli/verify/kernel-view.js';
import type { ServiceConfig } from '../../lib/balancer/config/index.js';
import type { ObservedConnection } from '../../lib/capture/index.js';
import type { Endpoint } from '../../lib/net/address.js';
import { networkTest } from '../network/network-test.js';
import { balancerConfig, buildTestbed, curl, families, startBalancer } from '../network/testbed.js';
import { readJson } from './json.js';
import { layProber } from './prober.js';
import { main, toa } from './toa.js';

const CLIENT = '203.0.113.7:4567';

interface Event {
  event: 'connection' | 'request' | 'summary';
  peer: Endpoint;
  wire: { client: Endpoint | null; format: string | null; on: string[] };
  owner: { client: Endpoint | null } | null;
  client: Endpoint | null;
  server: { client: Endpoint } | null;
  verdict: string;
  reason: string;
  remedy: string | null;
  connections: number;
  verdicts: Record<string, number>;
  dropped: number | null;
}

async function serve(server: Namespace, port: number, ...options: string[]): Promise<void> {
  const args = [main, 'serve', '--port', String(port), '--trust', 'private', ...options];
  await server.start(process.execPath, args).line(/^listening/);
}

/** A server that knows nothing of TOA, and leaves connections open. */
async function plainServer(server: Namespace, port: number): Promise<void> {
  const script = `require('net').createServer((socket) => socket.on('error', () => {}).write('hello'))
    .listen(${port}, () => console.log('listening'));`;
  await server.start(process.execPath, ['-e', script]).line(/^listening/);
}

async function verifying(server: Namespace, ...args: string[]): Promise<RunningProcess> {
  const running = server.start(process.execPath, [main, 'verify', ...args]);
  await running.line(/^verifying/);
  return running;
}

const probe = (prober: Namespace, host: string, ...args: string[]) =>
  prober.run(process.execPath, [main, 'probe', host, '--client', CLIENT, '--timeout', '1', ...args]);

const eventsOf = ({ stdout }: Finished) => readJson<Event>('verify', stdout.toString());

networkTest(
  'without a module it is said what nobody reads, and what only the program can know',
  async (network) => {
    const { prober, server } = layProber(network);
    await serve(server, 80);
    await plainServer(server, 81);
    const running = await verifying(
      server,
      '--port',
      '80,81',
      '--trust',
      '10.0.0.1',
      '--count',
      '6',
      '--json',
    );
    await probe(prober, '10.0.0.2:80', '--on', 'syn');
    await probe(prober, '10.0.0.2:80', '--on', 'ack');
    await probe(prober, '10.0.0.2:81', '--on', 'syn');
    await probe(prober, '10.0.0.2:81', '--on', 'data', '--format', 'toa-v4-200');
    await curl(prober, ['http://10.0.0.2/']);
    await probe(prober, '[fd00::2]:80');
    const ended = await running.finished();
    assert.equal(ended.code, 1, ended.stderr);
    const [keptSyn, onlyAck, nobody, onlyData, unmarked, stranger, summary] = eventsOf(ended);

    assert.deepEqual([keptSyn!.verdict, keptSyn!.wire.on], ['unknown', ['syn']]);
    assert.equal(keptSyn!.owner, null);
    assert.match(keptSyn!.reason, /may keep that for its program/);
    assert.equal(onlyAck!.verdict, 'lost');
    assert.equal(onlyAck!.reason, 'only the handshake ACK carried it, and no kernel module is loaded');
    assert.match(onlyAck!.remedy!, /^toa module install --trusted 10\.0\.0\.1/);
    assert.equal(nobody!.verdict, 'lost');
    assert.match(nobody!.reason, /the listener keeps no SYNs/);
    assert.deepEqual([onlyData!.verdict, onlyData!.wire.format], ['lost', 'toa-v4-200']);
    assert.deepEqual([unmarked!.verdict, unmarked!.wire.client], ['lost', null]);
    assert.equal(unmarked!.reason, 'the balancer 10.0.0.1 wrote no option');
    assert.equal(stranger!.verdict, 'direct');
    assert.match(stranger!.reason, /^fd00::1 is no balancer, and claims to bring 203\.0\.113\.7:4567/);
    const { event, connections, verdicts, dropped } = summary!;
    assert.deepEqual(
      { event, connections, verdicts, dropped },
      { event: 'summary', connections: 6, verdicts: { unknown: 1, lost: 4, direct: 1 }, dropped: 0 },
    );
  },
);

networkTest(
  'where nothing can be known it exits with 3, when interrupted with 130, and with 1 when it saw no connection',
  async (network) => {
    const { prober, server } = layProber(network);
    await serve(server, 80);
    const unknown = await verifying(server, '--port', '80', '--count', '1', '--duration', '30');
    await probe(prober, '10.0.0.2:80');
    const { code, stdout } = await unknown.finished();
    assert.equal(code, 3);
    assert.match(
      stdout.toString(),
      /^\S+ {2}10\.0\.0\.1:\d+ to port 80, 203\.0\.113\.7:4567 on syn,ack,data {2}unknown: /,
    );
    assert.match(stdout.toString(), /\nVERDICT +CONNECTIONS\nunknown +1\nTo do \(1\): ask the program/);

    const interrupted = await (await verifying(server, '--port', '80')).stop('SIGINT');
    assert.deepEqual([interrupted.code, interrupted.stdout.toString()], [130, '\nno connection was seen\n']);
    const idle = await (await verifying(server, '--port', '80', '--duration', '1', '--json')).finished();
    assert.equal(idle.code, 1);
    assert.deepEqual(
      eventsOf(idle).map(({ event, connections }) => [event, connections]),
      [['summary', 0]],
    );
  },
);

/** The testbed with a balancer that marks these segments. */
async function withBalancer(network: Network, on: readonly ('syn' | 'ack')[]) {
  const testbed = buildTestbed(network);
  const config = balancerConfig([80]);
  const services = config.services.map((service) => ({ ...service, toa: { on } })) as ServiceConfig[];
  await startBalancer(testbed.balancer, { ...config, services });
  return testbed;
}

networkTest(
  'with --url, the server behind the balancer says whom it sees, and both ends agree',
  async (network) => {
    const { client, server } = await withBalancer(network, ['syn', 'ack']);
    await serve(server, 80);
    const live = await verifying(server, '--port', '80', '--trust', '10.0.0.1,fd00::1', '--json');
    const wanted: [string, Endpoint][] = [];
    for (const { url, local } of families) {
      const args = [main, 'verify', '--url', `http://${url}/`, '--count', '2', '--json'];
      const ended = await client.run(process.execPath, args);
      assert.equal(ended.code, 0, ended.stderr);
      const [first, second, summary] = eventsOf(ended);
      for (const { event, verdict, client: own, server: seen } of [first!, second!]) {
        assert.deepEqual([event, verdict], ['request', 'recovered']);
        assert.deepEqual(seen!.client, own);
        wanted.push([local, own!]);
      }
      assert.deepEqual([summary!.verdicts, summary!.dropped], [{ recovered: 2 }, null]);
    }
    const ended = await live.stop('SIGTERM');
    assert.equal(ended.code, 3, 'of the saved SYN only the program knows');
    const seen = eventsOf(ended).filter(({ event }) => event === 'connection');
    assert.deepEqual(
      seen.map(({ peer, wire }) => [peer.address, wire.client]),
      wanted,
    );
  },
);

networkTest(
  'with --url, an address that gets lost on the way exits with 1, and says where',
  async (network) => {
    const { client, server } = await withBalancer(network, ['ack']);
    await serve(server, 80);
    await plainServer(server, 81);
    const run = async (url: string) => {
      const ended = await client.run(process.execPath, [
        main,
        'verify',
        '--url',
        url,
        '--count',
        '1',
        '--json',
      ]);
      const [{ verdict, reason, remedy } = {} as Event] = eventsOf(ended);
      return { code: ended.code, verdict, reason, remedy };
    };
    assert.deepEqual(await run('http://203.0.113.80/'), {
      code: 1,
      verdict: 'lost',
      reason: 'the server saw no option from 10.0.0.1 that it accepts',
      remedy: 'load the kernel module there (toa module load), or have the balancer mark the SYN',
    });
    const none = await run('http://203.0.113.80:82/');
    assert.deepEqual([none.code, none.verdict], [1, 'no-answer']);
  },
);

networkTest('on the server itself, --url and --port look at the same connections', async (network) => {
  const { server } = layProber(network);
  await serve(server, 80);
  const args = [main, 'verify', '--port', '80', '--url', 'http://10.0.0.2/', '--count', '2', '--json'];
  const ended = await server.run(process.execPath, args);
  assert.equal(ended.code, 0, ended.stderr);
  const told = eventsOf(ended).map(({ event, verdict }) => `${event} ${verdict ?? ''}`);
  assert.deepEqual(told.sort(), [
    'connection unknown',
    'connection unknown',
    'request direct',
    'request direct',
    'summary ',
  ]);
});

networkTest('without the right to look at packets it exits with 4', async (network) => {
  const { server } = layProber(network);
  const drop = ['--bounding-set', '-all', '--inh-caps', '-all'];
  const args = [...drop, process.execPath, main, 'verify', '--port', '80'];
  const { code, stdout, stderr } = await server.run('setpriv', args);
  assert.deepEqual([code, stdout.toString()], [4, '']);
  assert.match(stderr, /^toa: cannot open a packet socket on all interfaces: EPERM/);
});

test('wrong arguments exit with 2, and say what was wanted', () => {
  const rows: [args: string[], words: RegExp][] = [
    [[], /given neither --port nor --url/],
    [['--port', '0'], /Wanted a whole number from 1 to 65535/],
    [['--url', 'https://203.0.113.80/'], /url: given "https:\/\/203\.0\.113\.80\/", wanted http:/],
    [['--url', '203.0.113.80'], /wanted http:/],
    [['--port', '80', '--trust', 'balancer'], /trust: given "balancer"/],
    [['--port', '80', '--count', '0'], /Wanted a whole number/],
  ];
  for (const [args, words] of rows) {
    const { status, stdout, stderr } = toa(['verify', ...args]);
    assert.deepEqual([status, stdout], [2, ''], `${args.join(' ')}\n${stderr}`);
    assert.match(stderr, words);
  }
});

const peer: Endpoint = { address: '10.0.0.1', port: 5000, family: 4 };
const named: Endpoint = { address: '203.0.113.7', port: 4567, family: 4 };

const connection: ObservedConnection = {
  time: 0,
  peer,
  server: { address: '10.0.0.2', port: 80, family: 4 },
  outcome: 'established',
  complete: true,
  readings: {},
  carriedBy: ['ack', 'data'],
  client: named,
  vip: undefined,
  format: 'toa-v4',
  trusted: true,
  oddities: [],
};

const ours = { version: '1', enabled: '1', trusted: '10.0.0.0/24', formats: 'toa-v4,toa-v6', syn: '0' };

function owner(settings: Partial<NonNullable<Loaded['ours']>>, more: Partial<OwnerSide> = {}): OwnerSide {
  return {
    ours: { ...ours, ...settings },
    others: [],
    recorded: undefined,
    seen: true,
    keepsSyn: () => false,
    trustGiven: false,
    acceptsFormat: () => true,
    ...more,
  };
}

test('what the module has recorded is compared with the wire, and what it has not is explained', () => {
  const other = { ...named, port: 1 };
  const nat64: Endpoint = { address: '2001:db8::7', port: 4567, family: 6 };
  const rows: [Partial<ObservedConnection>, OwnerSide, verdict: string, reason: RegExp][] = [
    [{}, owner({}, { recorded: { client: named } }), 'recovered', /the module shows 203\.0\.113\.7:4567/],
    [
      {},
      owner({}, { recorded: { client: other } }),
      'wrong',
      /says 203\.0\.113\.7:1, the wire said 203\.0\.113\.7:4567/,
    ],
    [{ client: nat64 }, owner({}, { recorded: { client: nat64 } }), 'recovered', /socket option 4096/],
    [{}, owner({ enabled: '0' }), 'lost', /switched off/],
    [{ trusted: false }, owner({}), 'lost', /does not trust 10\.0\.0\.1/],
    [{ trusted: false }, owner({}, { trustGiven: true }), 'direct', /is no balancer, and claims/],
    [
      { format: 'toa-v4-200' },
      owner({}, { acceptsFormat: () => false }),
      'lost',
      /does not accept toa-v4-200/,
    ],
    [{ carriedBy: ['syn'] }, owner({}), 'lost', /only the SYN carried it/],
    [{ carriedBy: ['syn'] }, owner({}, { keepsSyn: () => true }), 'unknown', /may keep that for its program/],
    [{ carriedBy: ['syn'] }, owner({}, { keepsSyn: () => undefined }), 'unknown', /may keep that/],
    [{ carriedBy: ['data'] }, owner({}), 'lost', /only the first data/],
    [{}, owner({}), 'lost', /has not taken it/],
    [{}, owner({}, { seen: false }), 'unknown', /ended before its socket could be looked at/],
    [{ client: undefined, carriedBy: [] }, owner({}), 'lost', /the balancer 10\.0\.0\.1 wrote no option/],
    [{ client: undefined, carriedBy: [], complete: false }, owner({}), 'unknown', /missed segments/],
    [{ client: undefined, carriedBy: [], trusted: false }, owner({}), 'direct', /it is the client/],
  ];
  for (const [wire, side, verdict, reason] of rows) {
    const judged = judge({ ...connection, ...wire }, side);
    assert.equal(judged.verdict, verdict, judged.reason);
    assert.match(judged.reason, reason);
  }
  const { ours: _, ...without } = owner({});
  const foreign = judge(connection, { ...without, others: ['vtoa'] });
  assert.deepEqual(
    [foreign.verdict, foreign.reason],
    ['unknown', 'another module is loaded, vtoa, which does not tell what it has found'],
  );
});

test('the module’s notes and the kernel’s sockets are found by the same name', () => {
  const notes = parseRecords(
    [
      '203.0.113.7:51514 10.0.0.1:5000 10.0.0.2:80 - - 254/8 ack',
      '[2001:db8::7]:51514 [fd00::1]:5000 [fd00::2]:80 [2001:db8::80]:443 7 249/40 syn',
      '- 10.0.0.1:5001 10.0.0.2:80 192.0.2.80:443 - 250/8 ack',
    ].join('\n'),
  );
  assert.deepEqual(
    notes.map(([key, { client }]) => [key, client?.address]),
    [
      ['10.0.0.1:5000 10.0.0.2:80', '203.0.113.7'],
      ['[fd00::1]:5000 [fd00::2]:80', '2001:db8::7'],
      ['10.0.0.1:5001 10.0.0.2:80', undefined],
    ],
  );
  assert.deepEqual(parseRecords(''), []);
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0200000A:0050 0100000A:1388 01 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 20 4 30 10 -1`;
  assert.deepEqual(parseTcpTable(table, 4), [
    {
      local: { address: '10.0.0.2', port: 80, family: 4 },
      remote: { address: '10.0.0.1', port: 5000, family: 4 },
      state: '01',
      inode: '4711',
    },
  ]);
});
