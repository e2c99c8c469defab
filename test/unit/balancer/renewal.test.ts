import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ForwardingMode } from '../../../lib/balancer/config/model.js';
import { Flow, type FlowSegment } from '../../support/flow.js';
import { Rig } from '../../support/rig.js';
import { configuration, INSIDE, isOneWay, TOPOLOGIES } from '../../support/topology.js';

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

/** With expireWithoutServer, where the real server has weight 0: what a SYN meets, new or the connection's own. */
const LEFT: readonly {
  mode: ForwardingMode;
  state: string;
  steps: readonly Step[];
  own: boolean;
  left: boolean;
}[] = [
  { mode: 'nat', state: 'ESTABLISHED', steps: [], own: false, left: true },
  { mode: 'nat', state: 'ESTABLISHED', steps: [], own: true, left: false },
  { mode: 'nat', state: 'FIN_WAIT', steps: SERVER_FIN, own: false, left: true },
  { mode: 'nat', state: 'CLOSE', steps: RESET, own: true, left: true },
  { mode: 'fullnat', state: 'ESTABLISHED', steps: [], own: false, left: true },
  { mode: 'fullnat', state: 'TIME_WAIT', steps: BOTH_FINS, own: false, left: true },
  { mode: 'dr', state: 'ESTABLISHED', steps: [], own: false, left: true },
  { mode: 'dr', state: 'FIN_WAIT', steps: CLIENT_FIN, own: true, left: false },
  { mode: 'tun', state: 'ESTABLISHED', steps: [], own: false, left: true },
];

for (const topology of TOPOLOGIES) {
  const weights = (first: number, mode: ForwardingMode) =>
    topology.realServers.map((address, i) => ({
      address,
      port: isOneWay(mode) ? topology.port : topology.serverPort,
      weight: i === 0 ? first : 1,
    }));
  const quiesce = (rig: Rig, mode: ForwardingMode, expireWithoutServer: boolean, more = {}): void => {
    const service = { mode, ...more, realServers: weights(0, mode) };
    const config = configuration(topology, { service, settings: { expireWithoutServer } });
    assert.equal(rig.balancer.apply(config, rig.now).faults, undefined);
    rig.drain();
  };

  for (const { mode, state, steps, own, left } of LEFT) {
    const fate = left ? 'leaves' : 'stays with';
    const which = own ? 'the own SYN of' : 'a new SYN on';
    test(`IPv${topology.family}, ${mode}: ${which} a connection in ${state} ${fate} a quiesced real server`, () => {
      const rig = new Rig({ topology, service: { mode, realServers: weights(1, mode) } });
      const flow = new Flow(rig).settled();
      for (const [from, segment] of steps) {
        rig.send(...(from === 'client' ? flow.client(segment) : flow.fromServer(segment)));
      }
      quiesce(rig, mode, true);
      const again = own ? new Flow(rig) : new Flow(rig, { clientIsn: 77 });
      again.syn();
      assert.equal(again.server, Number(left));
      assert.equal(rig.counter('connections-renewed'), Number(left));
      assert.equal(rig.balancer.connections.count, 1);
    });
  }

  test(`IPv${topology.family}: a SYN that was not answered leaves a real server that is quiesced meanwhile`, () => {
    const rig = new Rig({ topology });
    new Flow(rig).syn();
    quiesce(rig, 'fullnat', true);
    const again = new Flow(rig);
    again.syn();
    assert.equal(again.server, 1);
  });

  test(`IPv${topology.family}: without expireWithoutServer, and by persistence, a new SYN stays where it was`, () => {
    for (const [expireWithoutServer, more] of [
      [false, {}],
      [true, { persistence: { timeout: 60 } }],
    ] as const) {
      const rig = new Rig({ topology, service: { mode: 'nat', ...more } });
      new Flow(rig).settled();
      quiesce(rig, 'nat', expireWithoutServer, more);
      const again = new Flow(rig, { clientIsn: 77 });
      again.syn();
      assert.equal(again.server, 0);
    }
  });

  test(`IPv${topology.family}: behind a SYN proxy anybody's SYN leaves an open connection where it is`, () => {
    const rig = new Rig({ topology, service: { mode: 'nat' } });
    const flow = new Flow(rig).settled();
    quiesce(rig, 'nat', true, { synProxy: {} });
    const syn = new Flow(rig, { clientIsn: 77 }).client({ flags: 'S' });
    assert.equal(rig.send(...syn)[0]!.link, INSIDE, 'its real server is to judge');
    const data = { flags: 'PA', seq: 1, ack: 2, payload: 'x' };
    rig.play([{ what: 'data', in: flow.client(data), out: [flow.toServer(data)] }]);
  });
}

for (const topology of TOPOLOGIES) {
  for (const mode of ['fullnat', 'nat'] as const) {
    const name = (what: string) => `IPv${topology.family}, ${mode}: ${what}`;

    test(name("both ends had forgotten an open connection: the real server's SYN-ACK begins another"), () => {
      const rig = new Rig({ topology, service: { mode } });
      new Flow(rig).settled();
      const flow = new Flow(rig, { clientIsn: 0x12345678, serverIsn: 0x1000 });
      flow.syn();
      assert.equal(rig.counter('connections-reused'), 0, 'the SYN alone changes nothing');
      const synAck = { flags: 'SA', ack: 1 };
      rig.expect('SYN-ACK', rig.send(...flow.fromServer(synAck)), [flow.toClient(synAck)]);
      assert.equal(rig.counter('connections-reused'), 1);
      assert.equal(rig.counter('connections-reused-established'), 1);
      const ack = { flags: 'A', seq: 1, ack: 1 };
      const told = flow.toServer({ ...ack, options: mode === 'fullnat' ? [flow.toa] : [] });
      rig.expect('the handshake ACK, with what it has to tell', rig.send(...flow.client(ack)), [told]);
      const resets = rig.wait(1_000_000).filter(({ decoded }) => decoded.tcp?.flags === 'R');
      const numbers = resets.map(({ link, decoded }) => [link === INSIDE, decoded.tcp!.seq]);
      assert.deepEqual(
        new Map(numbers as [boolean, number][]),
        new Map([
          [false, flow.serverIsn + 1],
          [true, flow.balancerIsn + 1],
        ]),
        'when it expires, both are reset where they are',
      );
    });

    test(name('a SYN on an open connection that the real server does not take changes nothing'), () => {
      const rig = new Rig({ topology, service: { mode } });
      const flow = new Flow(rig).settled();
      new Flow(rig, { clientIsn: 0x12345678 }).syn();
      const challenge = { flags: 'A', seq: 2, ack: 1 };
      rig.expect('challenge ACK', rig.send(...flow.fromServer(challenge)), [flow.toClient(challenge)]);
      const late = { flags: 'SA', seq: 0, ack: 1 };
      rig.expect('its SYN-ACK, late', rig.send(...flow.fromServer(late)), [flow.toClient(late)]);
      assert.equal(rig.counter('connections-reused'), 0);
      const data = { flags: 'PA', seq: 1, ack: 2, payload: 'x' };
      rig.play([{ what: 'data', in: flow.client(data), out: [flow.toServer(data)] }]);
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
