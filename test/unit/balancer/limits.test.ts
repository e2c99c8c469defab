import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow } from '../../support/flow.js';
import { HANDSHAKE_ACK, ProxiedFlow } from '../../support/proxied-flow.js';
import { Rig } from '../../support/rig.js';
import { configuration, IPV4 as topology } from '../../support/topology.js';

const [first, second] = topology.realServers as [string, string];
const port = topology.serverPort;

test('a real server with as many connections as its threshold gets no more, until it has less than three quarters', () => {
  const realServers = [
    { address: first, port, upperThreshold: 4 },
    { address: second, port },
  ];
  const rig = new Rig({ topology, service: { realServers, mode: 'nat' } });
  const open = (n: number) => new Flow(rig, { port: n }).settled();
  const flows = [1, 2, 3, 4, 5, 6, 7].map(open);
  assert.deepEqual(
    flows.map(({ server }) => server),
    [0, 1, 0, 1, 0, 1, 0],
  );
  assert.deepEqual([open(8).server, open(9).server], [1, 1], 'four are enough');
  const end = (flow: Flow) => {
    rig.send(...flow.client({ flags: 'R', seq: 1 }));
    rig.wait(12_000);
  };
  end(flows[0]!);
  assert.deepEqual([open(10).server, open(11).server], [1, 1], 'three are not less than three');
  end(flows[2]!);
  assert.ok(
    [open(12), open(13)].some(({ server }) => server === 0),
    'two are',
  );
});

test('when all real servers are overloaded the client is told with port unreachable', () => {
  const realServers = [{ address: first, port, upperThreshold: 1 }];
  const rig = new Rig({ topology, service: { realServers } });
  new Flow(rig, { port: 1 }).open();
  const [told] = rig.send(...new Flow(rig, { port: 2 }).client({ flags: 'S' }));
  assert.deepEqual([told?.decoded.icmp?.type, told?.decoded.icmp?.code], [3, 3]);
  assert.equal(rig.counter('drop-no-real-server'), 1);
});

test('a service over its rate of new connections refuses more until the rate is lower, and keeps what it has', () => {
  const rig = new Rig({ topology, service: { limits: { connectionsPerSecond: 10 } } });
  const flow = new Flow(rig, { port: 1 }).settled();
  for (let n = 2; n <= 300; n++) new Flow(rig, { port: n }).syn();
  rig.wait(2000);
  const syn = new Flow(rig, { port: 400 }).client({ flags: 'S' });
  const data = { flags: 'A', seq: 1, ack: 2 };
  rig.play([
    { what: 'refused', in: syn, out: [], counters: { 'drop-rate-limited': 1 } },
    { what: 'not the old one', in: flow.client(data), out: [flow.toServer(data)] },
  ]);
  rig.wait(20_000);
  assert.equal(new Flow(rig, { port: 400 }).syn().link, 1);
});

test('a good cookie opens nothing while its service is over its rate, and does when it comes again later', () => {
  const service = { synProxy: {}, limits: { connectionsPerSecond: 10 } };
  const rig = new Rig({ topology, service });
  const late = new ProxiedFlow(rig, { port: 400 });
  late.cookie();
  for (let n = 1; n <= 300; n++) new ProxiedFlow(rig, { port: n }).begun();
  rig.wait(2000);
  const ack = late.client(HANDSHAKE_ACK);
  rig.play([
    { what: 'refused', in: ack, out: [], counters: { 'drop-rate-limited': 1, 'syn-proxy-ack-ok': 1 } },
  ]);
  rig.wait(20_000);
  const [syn] = rig.send(...ack);
  assert.equal(syn?.decoded.tcp?.flags, 'S');
});

test('a service over its bytes a second refuses new connections, both directions counted', () => {
  const rig = new Rig({ topology, service: { limits: { bytesPerSecond: 5000 } } });
  const flow = new Flow(rig, { port: 1 }).settled();
  for (let n = 0; n < 20; n++) {
    rig.send(...flow.client({ flags: 'A', seq: 1, ack: 2, payload: 1000 }));
    rig.send(...flow.fromServer({ flags: 'A', seq: 2, ack: 1, payload: 1000 }));
  }
  rig.wait(2000);
  rig.play([
    {
      what: 'refused',
      in: new Flow(rig, { port: 400 }).client({ flags: 'S' }),
      out: [],
      counters: { 'drop-rate-limited': 1 },
    },
  ]);
});

test('drop-entry defence: half-open connections go when the table is nearly full, others stay', () => {
  const rig = new Rig({ topology, settings: { maxConnections: 64, resetOnExpiry: false } });
  const kept = Array.from({ length: 20 }, (_, n) => new Flow(rig, { port: n + 1 }).settled());
  for (let n = 0; n < 40; n++) new Flow(rig, { port: 1000 + n }).syn();
  assert.equal(rig.balancer.connections.count, 60);
  rig.wait(20_000);
  const dropped = rig.counter('connections-dropped');
  assert.ok(dropped >= 4 && dropped <= 40, `${dropped} were dropped`);
  assert.ok(rig.balancer.connections.count < 57, 'it is not nearly full any more');
  const data = { flags: 'A', seq: 1, ack: 2 };
  for (const flow of kept) rig.play([{ what: 'goes on', in: flow.client(data), out: [flow.toServer(data)] }]);
});

test('drop-entry defence: never and always do what they say', () => {
  for (const [dropEntry, left] of [
    ['never', 64],
    ['always', 0],
  ] as const) {
    const settings = { maxConnections: 64, dropEntry };
    const rig = new Rig({ topology, settings, service: { timeouts: { synReceived: 600 } } });
    for (let n = 0; n < 64; n++) new Flow(rig, { port: n + 1 }).syn();
    rig.wait(40_000);
    assert.equal(rig.balancer.connections.count, left, dropEntry);
    assert.equal(rig.counter('connections-dropped'), 64 - left);
  }
});

test('drop-entry defence: it goes on while packets come without a pause', () => {
  const settings = { maxConnections: 64, dropEntry: 'always' } as const;
  const rig = new Rig({ topology, settings, service: { timeouts: { synReceived: 600 } } });
  const flows = Array.from({ length: 64 }, (_, n) => new Flow(rig, { port: n + 1 }));
  for (const flow of flows) flow.syn();
  rig.wait(100);
  for (let quarter = 0; quarter < 160; quarter++) {
    rig.now += 249;
    rig.send(...flows[0]!.client({ flags: 'R', seq: 1 }));
    rig.wait(1);
  }
  assert.equal(rig.balancer.connections.count, 0);
});

test('drop-entry defence: how long a connection is idle does not depend on timeouts that were changed meanwhile', () => {
  for (const [before, after] of [
    [600, 300],
    [300, 600],
  ] as const) {
    const settings = { maxConnections: 64, dropEntry: 'always' } as const;
    const rig = new Rig({ topology, settings, service: { timeouts: { established: before } } });
    for (let n = 0; n < 32; n++) new Flow(rig, { port: n + 1 }).open();
    rig.wait(20_000);
    const service = { timeouts: { established: after } };
    assert.equal(
      rig.balancer.apply(configuration(topology, { settings, service }), rig.now).faults,
      undefined,
    );
    rig.wait(38_000);
    assert.equal(rig.counter('connections-dropped'), 0, 'not before a minute without a packet');
    rig.wait(34_000); // each is looked at once in 32 seconds
    assert.equal(rig.counter('connections-dropped'), 16, 'of those with two packets each second one');
  }
});

test('drop-entry defence: of idle connections with n packets every n-th goes, those with more than eight stay', () => {
  const service = { timeouts: { established: 600 } };
  const rig = new Rig({ topology, settings: { maxConnections: 64, dropEntry: 'always' }, service });
  const open = (n: number, packets: number) => {
    const flow = new Flow(rig, { port: n + 1 }).half();
    for (let i = 1; i < packets; i++) rig.send(...flow.client({ flags: 'A', seq: 1, ack: 1 }));
    return flow;
  };
  const few = Array.from({ length: 16 }, (_, n) => open(n, 4));
  const many = Array.from({ length: 16 }, (_, n) => open(100 + n, 9));
  rig.wait(58_000);
  assert.equal(rig.counter('connections-dropped'), 0, 'not before a minute without a packet');
  rig.wait(34_000); // each is looked at once in 32 seconds
  assert.equal(rig.counter('connections-dropped'), 4);
  assert.equal(rig.balancer.connections.count, few.length + many.length - 4);
});
