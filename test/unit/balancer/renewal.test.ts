import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ForwardingMode } from '../../../lib/balancer/config/model.js';
import { Flow, type FlowSegment } from '../../support/flow.js';
import { Rig } from '../../support/rig.js';
import { configuration, isOneWay, TOPOLOGIES } from '../../support/topology.js';

type Step = readonly ['client' | 'server', FlowSegment];
const RESET: readonly Step[] = [['client', { flags: 'R', seq: 1 }]];
const CLIENT_FIN: readonly Step[] = [['client', { flags: 'FA', seq: 1, ack: 2 }]];
const SERVER_FIN: readonly Step[] = [['server', { flags: 'FA', seq: 2, ack: 1 }]];
const BOTH_FINS = [...SERVER_FIN, ['client', { flags: 'FA', seq: 1, ack: 3 }]] as const;

/** What a SYN with a new number meets, and whether it gets a real server by its own turn. */
const CASES: readonly { mode: ForwardingMode; state: string; steps: readonly Step[]; renewed: boolean }[] = [
  { mode: 'nat', state: 'CLOSE', steps: RESET, renewed: true },
  { mode: 'nat', state: 'TIME_WAIT', steps: BOTH_FINS, renewed: true },
  { mode: 'nat', state: 'FIN_WAIT', steps: SERVER_FIN, renewed: false },
  { mode: 'nat', state: 'CLOSE_WAIT', steps: CLIENT_FIN, renewed: false },
  { mode: 'nat', state: 'ESTABLISHED', steps: [], renewed: false },
  { mode: 'fullnat', state: 'CLOSE', steps: RESET, renewed: false },
  { mode: 'fullnat', state: 'TIME_WAIT', steps: BOTH_FINS, renewed: false },
  { mode: 'dr', state: 'CLOSE', steps: RESET, renewed: true },
  { mode: 'dr', state: 'FIN_WAIT', steps: CLIENT_FIN, renewed: false },
  { mode: 'dr', state: 'ESTABLISHED', steps: [], renewed: false },
  { mode: 'tun', state: 'CLOSE', steps: RESET, renewed: true },
  { mode: 'tun', state: 'FIN_WAIT', steps: CLIENT_FIN, renewed: false },
];

for (const topology of TOPOLOGIES) {
  for (const { mode, state, steps, renewed } of CASES) {
    const fate = renewed ? 'gets a real server by its own turn' : 'stays with its real server';
    test(`IPv${topology.family}, ${mode}: a new SYN on a connection in ${state} ${fate}`, () => {
      const rig = new Rig({ topology, service: { mode } });
      const flow = new Flow(rig).settled();
      assert.equal(flow.server, 0);
      for (const [from, segment] of steps) {
        const frame = from === 'client' ? flow.client(segment) : flow.fromServer(segment);
        assert.equal(rig.send(...frame).length, 1);
      }
      const again = new Flow(rig, { clientIsn: 77 });
      again.syn();
      assert.equal(again.server, renewed ? 1 : 0);
      assert.equal(rig.counter('connections-renewed'), Number(renewed));
      assert.equal(rig.balancer.connections.count, 1);
      const all = rig.balancer.services[0]!.realServers.map(({ active, inactive }) => active + inactive);
      assert.deepEqual(all, renewed ? [0, 1] : [1, 0]);
      if (!isOneWay(mode)) {
        const synAck = { flags: 'SA', ack: 1 };
        const lowered = { ...synAck };
        rig.expect('SYN-ACK', rig.send(...again.fromServer(synAck)), [again.toClient(lowered)]);
      }
    });
  }
}

/** Early FINs lead the table of Linux to TIME_WAIT: one of SYN_RECV that overtook the handshake ACK (DR, TUN), or both ends'. */
const LATE: readonly { mode: ForwardingMode; steps: readonly Step[] }[] = [
  { mode: 'nat', steps: [['client', { flags: 'A', seq: 1, ack: 1 }], ...BOTH_FINS] },
  { mode: 'dr', steps: CLIENT_FIN },
  { mode: 'tun', steps: CLIENT_FIN },
];

for (const topology of TOPOLOGIES) {
  for (const { mode, steps } of LATE) {
    test(`IPv${topology.family}, ${mode}: the connection's own SYN that comes late in TIME_WAIT goes to its real server`, () => {
      const rig = new Rig({ topology, service: { mode } });
      const flow = new Flow(rig);
      flow.syn();
      if (mode === 'nat') rig.send(...flow.fromServer({ flags: 'SA', ack: 1 }));
      for (const [from, segment] of steps) {
        const frame = from === 'client' ? flow.client(segment) : flow.fromServer(segment);
        assert.equal(rig.send(...frame).length, 1);
      }
      new Flow(rig).syn();
      assert.equal(rig.counter('connections-renewed'), 0);
      const all = rig.balancer.services[0]!.realServers.map(({ active, inactive }) => active + inactive);
      assert.deepEqual(all, [1, 0]);
    });
  }
}

test('the old connection still counts as a load when a real server is chosen for the new one', () => {
  const [topology] = TOPOLOGIES;
  const rig = new Rig({ topology, service: { mode: 'nat', scheduler: 'lc' } });
  const flow = new Flow(rig).settled();
  assert.equal(flow.server, 0);
  rig.send(...flow.client({ flags: 'R', seq: 1 }));
  const again = new Flow(rig, { clientIsn: 77 });
  again.syn();
  assert.equal(again.server, 1);
  const loads = rig.balancer.services[0]!.realServers.map(({ active, inactive }) => [active, inactive]);
  assert.deepEqual(loads, [
    [0, 0],
    [1, 0],
  ]);
});

test('a new SYN on a connection that is over gets another real server where that of the old one was removed', () => {
  const [topology] = TOPOLOGIES;
  const rig = new Rig({ topology, service: { mode: 'nat' } });
  const flow = new Flow(rig).settled();
  assert.equal(flow.server, 0);
  rig.send(...flow.client({ flags: 'R', seq: 1 }));
  const realServers = [{ address: topology.realServers[1]!, port: topology.serverPort }];
  const config = configuration(topology, { service: { mode: 'nat', realServers } });
  assert.equal(rig.balancer.apply(config, rig.now).faults, undefined);
  const again = new Flow(rig, { clientIsn: 77 });
  again.syn();
  assert.equal(again.server, 1);
});

/** After how many seconds a one-way connection is forgotten, by what its client did last (Linux's table for NOOUTPUT). */
const WALKS: readonly (readonly [what: string, segments: readonly FlowSegment[], seconds: number])[] = [
  ['SYN: SYN_RECV', [{ flags: 'S' }], 60],
  ['SYN, ACK: ESTABLISHED', [{ flags: 'S' }, { flags: 'A', seq: 1, ack: 1 }], 900],
  ['FIN: FIN_WAIT', [{ flags: 'S' }, { flags: 'A', seq: 1, ack: 1 }, { flags: 'FA', seq: 1, ack: 1 }], 120],
  [
    'FIN, ACK: still FIN_WAIT',
    [
      { flags: 'S' },
      { flags: 'A', seq: 1, ack: 1 },
      { flags: 'FA', seq: 1, ack: 1 },
      { flags: 'A', seq: 2, ack: 2 },
    ],
    120,
  ],
  ['RST: CLOSE', [{ flags: 'S' }, { flags: 'A', seq: 1, ack: 1 }, { flags: 'R', seq: 1 }], 10],
  ['RST on SYN_RECV: still that', [{ flags: 'S' }, { flags: 'R', seq: 1 }], 60],
];

for (const mode of ['dr', 'tun'] as const) {
  for (const [what, segments, seconds] of WALKS) {
    test(`${mode}: one way, ${what}, forgotten after ${seconds} s`, () => {
      const [topology] = TOPOLOGIES;
      const rig = new Rig({ topology, service: { mode } });
      const flow = new Flow(rig);
      for (const segment of segments) assert.equal(rig.send(...flow.client(segment)).length, 1);
      rig.wait(seconds * 1000 - 500);
      assert.equal(rig.balancer.connections.count, 1, 'not before');
      rig.wait(2000);
      assert.equal(rig.balancer.connections.count, 0, 'and then');
    });
  }
}
