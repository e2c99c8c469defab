import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinkType, type Oddity, type SegmentRole } from '../../../lib/capture/index.js';
import { encodeToa, formatById } from '../../../lib/toa/index.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { hostPort } from '../../support/wire.js';
import { ack, data, frameOf, observe, reset, type Step, syn, synAck } from './conversation.js';

const toa = tcpOption.toa(hostPort('203.0.113.7', 51514));
const other = tcpOption.toa(hostPort('198.51.100.9', 4711));
const bytesOf = (...bytes: number[]) => Uint8Array.from(bytes);

const conversation = (onSyn: Uint8Array[], onAck: Uint8Array[], onData: Uint8Array[]): Step[] => [
  syn(...onSyn),
  synAck,
  ack(...onAck),
  data(...onData),
];

const cases: readonly {
  what: string;
  steps: Step[];
  carriedBy: SegmentRole[];
  oddities: Oddity[];
  client?: string;
}[] = [
  {
    what: 'on SYN, ACK and data',
    steps: conversation([toa], [toa], [toa]),
    carriedBy: ['syn', 'ack', 'data'],
    oddities: [],
  },
  { what: 'on the SYN alone', steps: conversation([toa], [], []), carriedBy: ['syn'], oddities: [] },
  { what: 'on the ACK alone', steps: conversation([], [toa], []), carriedBy: ['ack'], oddities: [] },
  {
    what: 'on data alone',
    steps: conversation([], [], [toa]),
    carriedBy: ['data'],
    oddities: ['only-on-data'],
  },
  { what: 'nowhere', steps: conversation([], [], []), carriedBy: [], oddities: ['no-toa'] },
  {
    what: 'twice in a segment',
    steps: conversation([toa, toa], [], []),
    carriedBy: ['syn'],
    oddities: ['duplicate'],
  },
  {
    what: 'twice in a segment, with different clients',
    steps: conversation([other, toa], [], []),
    carriedBy: ['syn'],
    oddities: ['duplicate', 'forged'],
    client: '198.51.100.9:4711',
  },
  {
    what: 'in two formats in a segment',
    steps: conversation([toa, tcpOption.toa(hostPort('203.0.113.7', 51514), 200)], [], []),
    carriedBy: ['syn'],
    oddities: ['several-formats'],
  },
  {
    what: 'in one format on the SYN and another on the ACK',
    steps: conversation([tcpOption.toa(hostPort('203.0.113.7', 51514), 200)], [toa], []),
    carriedBy: ['syn', 'ack'],
    oddities: ['several-formats'],
  },
  {
    what: 'with another client on the SYN than on the ACK, which counts more',
    steps: conversation([other], [toa], []),
    carriedBy: ['syn', 'ack'],
    oddities: ['forged'],
  },
  {
    what: 'with a length that is not its own',
    steps: conversation([bytesOf(254, 9, 1, 2, 3, 4, 5, 6, 7)], [], []),
    carriedBy: [],
    oddities: ['malformed'],
  },
  {
    what: 'running over the end',
    steps: conversation([bytesOf(254, 8, 1, 2)], [], []),
    carriedBy: [],
    oddities: ['malformed'],
  },
  {
    what: 'with length 0',
    steps: conversation([bytesOf(254, 0)], [], []),
    carriedBy: [],
    oddities: ['malformed'],
  },
  {
    what: 'naming a loopback address',
    steps: conversation([tcpOption.toa(hostPort('127.0.0.1', 51514))], [], []),
    carriedBy: [],
    oddities: ['malformed'],
  },
  {
    what: 'broken on the SYN, sound on the ACK',
    steps: conversation([bytesOf(254, 0)], [toa], []),
    carriedBy: ['ack'],
    oddities: ['malformed'],
  },
  {
    what: 'with the ExID of TCP Fast Open for a port',
    steps: conversation([tcpOption.toa(hostPort('203.0.113.7', 63881))], [], []),
    carriedBy: ['syn'],
    oddities: ['port-like-exid'],
    client: '203.0.113.7:63881',
  },
  {
    what: 'not at all, but TCP Fast Open in its experimental form',
    steps: conversation([tcpOption.fastOpenExperimental(bytesOf(1, 2, 3, 4, 5, 6, 7, 8))], [], []),
    carriedBy: [],
    oddities: ['no-toa'],
  },
  {
    what: 'not at all, but a User Timeout',
    steps: conversation([bytesOf(28, 4, 0, 30)], [], []),
    carriedBy: [],
    oddities: ['no-toa'],
  },
  {
    what: 'with the VIP behind it',
    steps: conversation(
      [toa, encodeToa(formatById('vtoa-250'), { vip: { address: '203.0.113.80', port: 80, family: 4 } })],
      [],
      [],
    ),
    carriedBy: ['syn'],
    oddities: [],
  },
];

for (const { what, steps, carriedBy, oddities, client = '203.0.113.7:51514' } of cases) {
  test(`the option ${what}: ${oddities.join(', ') || 'nothing odd'}`, () => {
    const { connections } = observe(steps);
    assert.equal(connections.length, 1);
    const [connection] = connections;
    assert.deepEqual(connection!.carriedBy, carriedBy);
    assert.deepEqual(connection!.oddities, oddities);
    assert.equal(connection!.outcome, 'established');
    assert.equal(connection!.complete, true);
    const named = connection!.client && `${connection!.client.address}:${connection!.client.port}`;
    assert.equal(named, carriedBy.length === 0 ? undefined : client);
  });
}

test('a client named by a peer that is not trusted is forged, and counted as refused', () => {
  const { connections, observer } = observe(conversation([toa], [toa], []), { trust: () => false });
  assert.deepEqual(connections[0]?.oddities, ['forged']);
  assert.equal(connections[0]?.trusted, false);
  assert.equal(observer.statistics().refusals.untrusted, 2);
});

test('a peer that is not trusted and names nobody came directly, which is not odd', () => {
  const { connections, observer } = observe(conversation([], [], []), { trust: () => false });
  assert.deepEqual(connections[0]?.oddities, []);
  assert.equal(observer.statistics().direct, 1);
});

test('a connection is told once its first data was seen, and only once', () => {
  const { connections } = observe([syn(toa), synAck, ack(toa)]);
  assert.equal(connections.length, 0);
  const whole = observe([syn(toa), synAck, ack(toa), data(toa), data(toa), syn(toa)]);
  assert.equal(whole.connections.length, 1);
});

test('a repeated SYN is the same connection, one with another sequence number a new one', () => {
  const repeated = observe([syn(toa), { ...syn(toa), after: 1 }]);
  assert.equal(repeated.observer.statistics().connections, 1);
  const again = observe([syn(toa), { ...syn(toa), seq: 5_000_000, after: 1 }]);
  assert.equal(again.observer.statistics().connections, 2);
  assert.equal(again.connections[0]?.outcome, 'unanswered');
});

test('an option on a repeated SYN counts where the first had none', () => {
  const { connections } = observe([syn(), syn(toa), synAck, ack(), data()]);
  assert.deepEqual(connections[0]?.carriedBy, ['syn']);
});

const endings: readonly { what: string; steps: Step[]; outcome: string; complete: boolean }[] = [
  { what: 'nobody answers', steps: [syn(toa)], outcome: 'unanswered', complete: false },
  { what: 'the server refuses', steps: [syn(toa), reset('server')], outcome: 'refused', complete: true },
  { what: 'the peer does not answer', steps: [syn(toa), synAck], outcome: 'half-open', complete: false },
  {
    what: 'the peer gives up',
    steps: [syn(toa), synAck, reset('peer')],
    outcome: 'half-open',
    complete: true,
  },
  { what: 'nothing is said', steps: [syn(toa), synAck, ack()], outcome: 'established', complete: false },
  {
    what: 'the first data was lost',
    steps: [syn(toa), synAck, { ...data(), seq: 2000 }],
    outcome: 'established',
    complete: false,
  },
  {
    what: 'the peer closes without data',
    steps: [syn(toa), synAck, { ...ack(), flags: 'FA' }],
    outcome: 'established',
    complete: true,
  },
];

for (const { what, steps, outcome, complete } of endings) {
  test(`where ${what}, the connection is ${outcome}${complete ? '' : ', judged by what was seen'}`, () => {
    const { connections, observer } = observe(steps);
    observer.finish();
    assert.equal(connections.length, 1);
    assert.equal(connections[0]?.outcome, outcome);
    assert.equal(connections[0]?.complete, complete);
  });
}

test('after five seconds without data a connection is judged by what was seen', () => {
  const { connections, observer } = observe([syn(toa), synAck, ack()]);
  observer.advance(1_700_000_004_999_999);
  assert.equal(connections.length, 0);
  observer.advance(1_700_000_005_000_000);
  assert.equal(connections.length, 1);
});

test('segments of an older connection on the same ports change nothing', () => {
  const older: Step[] = [
    { flags: 'R', seq: 1000 - 5_000_000 },
    { flags: 'A', seq: 1000 - 5_000_000, ack: 1, data: 'old' },
    { flags: 'PA', seq: 1000 + 5_000_000, ack: 1, data: 'old' },
    { by: 'server', flags: 'SA', seq: 1, ack: 1001 - 5_000_000 },
    { by: 'server', flags: 'RA', seq: 1, ack: 1001 - 5_000_000 },
    { by: 'server', flags: 'R', seq: 4711 },
  ];
  for (const stale of older) {
    const { connections } = observe([syn(toa), stale, synAck, stale, ack(toa), stale, data(toa)]);
    assert.equal(connections.length, 1);
    assert.deepEqual(connections[0]?.carriedBy, ['syn', 'ack', 'data']);
  }
  const { connections } = observe([syn(toa), { ...older[3], flags: 'SA' }]);
  assert.equal(connections.length, 0);
});

test('a server that answered may refuse with a RST that acknowledges nothing', () => {
  const { connections } = observe([syn(toa), synAck, { by: 'server', flags: 'R', seq: 9001 }]);
  assert.equal(connections[0]?.outcome, 'refused');
});

test('data in a SYN (TCP Fast Open) does not hide the handshake', () => {
  const { connections } = observe([
    { ...syn(toa), data: 'early' },
    { ...synAck, ack: 1006 },
    { ...ack(toa), seq: 1006 },
    { ...data(toa), seq: 1006 },
  ]);
  assert.deepEqual(connections[0]?.carriedBy, ['syn', 'ack', 'data']);
});

test('options that the capture has cut off are not judged', () => {
  const { connections, observer } = observe([]);
  const frame = frameOf({ ...syn(toa), options: [tcpOption.mss(1460), toa] });
  observer.packet(frame, 0, frame.length - 4, LinkType.ethernet, 1);
  observer.finish();
  assert.deepEqual(connections[0]?.oddities, []);
  assert.deepEqual(observer.statistics().refusals, { 'not-captured': 1 });
});

test('only the named ports, and the connections that are wanted, are followed', () => {
  const steps = conversation([toa], [], []);
  assert.equal(observe(steps, { ports: new Set([80]) }).connections.length, 1);
  assert.equal(observe(steps, { ports: new Set([5000]) }).connections.length, 0);
  assert.equal(observe(steps, { follow: ({ address }) => address === '10.0.0.9' }).connections.length, 0);
});

test('no more connections are kept than allowed: the oldest is judged early, and counted', () => {
  const steps = Array.from({ length: 10 }, (_, index) => ({ ...syn(toa), port: 5000 + index }));
  const { connections, observer } = observe(steps, { maxConnections: 4 });
  assert.deepEqual(
    connections.map(({ peer }) => peer.port),
    [5000, 5001, 5002, 5003, 5004, 5005],
  );
  assert.equal(observer.statistics().evicted, 6);
  observer.finish();
  assert.equal(connections.length, 10);
  assert.equal(observer.statistics().connections, 10);
});

test('a connection that was told already goes without being counted as cut short', () => {
  const steps = Array.from({ length: 10 }, (_, index) =>
    conversation([toa], [], []).map((step) => ({ ...step, port: 5000 + index })),
  ).flat();
  const { connections, observer } = observe(steps, { maxConnections: 1 });
  assert.equal(connections.length, 10);
  assert.equal(observer.statistics().evicted, 0);
});

test('connections are counted by outcome, format and peer', () => {
  const { observer } = observe([
    ...conversation([toa], [], []),
    { ...syn(), port: 5001 },
    { ...reset('server'), port: 5001 },
  ]);
  const { connections, outcomes, withToa, withoutToa, formats, peers, packets } = observer.statistics();
  assert.deepEqual(
    { connections, outcomes, withToa, withoutToa, formats, peers, packets },
    {
      connections: 2,
      outcomes: { established: 1, refused: 1 },
      withToa: 1,
      withoutToa: 0,
      formats: { 'toa-v4': 1 },
      peers: [{ address: '10.0.0.1', connections: 2, withToa: 1 }],
      packets: 6,
    },
  );
});

test('peers beyond the first 1024 are counted in one sum', () => {
  const { observer } = observe([]);
  for (let i = 0; i < 1100; i++) {
    const frame = frameOf(syn());
    frame.set([172, 16, i >> 8, i & 255], 26); // source address
    observer.packet(frame, 0, frame.length, 1, 1);
  }
  observer.finish();
  const { peers, otherPeers } = observer.statistics();
  assert.equal(peers.length, 1024);
  assert.equal(otherPeers.connections, 76);
});
