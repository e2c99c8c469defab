import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SynProxyConfig } from '../../../lib/balancer/config/model.js';
import { Flow, type FlowOptions, type FlowSegment } from '../../support/flow.js';
import { type OnLink, Rig } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { configuration, TOPOLOGIES, type Topology } from '../../support/topology.js';

const MINUTE = 60_000;
const ACK: FlowSegment = { flags: 'A', seq: 1, ack: 1 };
const usual = [tcpOption.mss(1460), tcpOption.sackPermitted];

/** A client that has its SYN-ACK. */
function greeted(rig: Rig, options: FlowOptions = {}): Flow {
  const [sent] = rig.send(...new Flow(rig, options).client({ flags: 'S', options: usual }));
  return new Flow(rig, { ...options, serverIsn: sent!.decoded.tcp!.seq });
}

const rigOf = (topology: Topology, synProxy: SynProxyConfig = {}, settings: object = {}) =>
  new Rig({ topology, service: { synProxy }, settings });

/** What an ACK is counted as. */
function judged(rig: Rig, packet: OnLink): string[] {
  const names = ['syn-proxy-ack-ok', 'drop-syn-proxy-bad-ack', 'drop-syn-proxy-null-ack', 'drop-stray'];
  const before = names.map((name) => rig.counter(name));
  rig.send(...packet);
  return names.filter((name, i) => rig.counter(name) !== before[i]);
}

const GOOD = ['syn-proxy-ack-ok'];
const BAD = ['drop-syn-proxy-bad-ack'];
const STRAY = ['drop-stray'];

for (const topology of TOPOLOGIES) {
  const { family } = topology;
  const name = (what: string) => `IPv${family}: ${what}`;

  test(name('the ACK of a cookie is good, with data or without, whatever else it carries'), () => {
    const segments: FlowSegment[] = [
      ACK,
      { ...ACK, flags: 'PA', payload: 'GET /' },
      { ...ACK, flags: 'PAUEC', urgent: 3, window: 0, payload: 1400 },
      { ...ACK, options: [tcpOption.nop, tcpOption.timestamps(1, 2)] },
    ];
    for (const segment of segments) {
      const rig = rigOf(topology);
      assert.deepEqual(judged(rig, greeted(rig).client(segment)), GOOD, JSON.stringify(segment));
    }
  });

  test(name('an ACK whose time is over begins nothing: its sender is told, and may send it again'), () => {
    const rig = rigOf(topology);
    const client = greeted(rig);
    const [told] = rig.send(...client.client({ ...ACK, ip: { ttl: 1 } }));
    assert.equal(told!.decoded.icmp?.type, family === 4 ? 11 : 3);
    assert.deepEqual([rig.counter('drop-ttl-expired'), rig.balancer.connections.count], [1, 0]);
    assert.equal(rig.send(...client.client(ACK))[0]!.decoded.tcp?.flags, 'S');
  });

  test(name('a segment with SYN, FIN or RST is never the ACK of a cookie'), () => {
    for (const flags of ['FA', 'SA', 'RA', 'F', 'R', 'P', '']) {
      const rig = rigOf(topology);
      assert.deepEqual(judged(rig, greeted(rig).client({ ...ACK, flags })), STRAY, flags);
    }
  });

  test(name('a cookie is good for its client, port, VIP and sequence numbers, and nobody else'), () => {
    const rig = rigOf(topology);
    const { serverIsn } = greeted(rig);
    const others: [string, Flow, FlowSegment?][] = [
      ['another client', new Flow(rig, { client: 8, serverIsn })],
      ['another port', new Flow(rig, { port: 51515, serverIsn })],
      ['another sequence number', new Flow(rig, { serverIsn }), { ...ACK, seq: 2 }],
      ['another acknowledgment', new Flow(rig, { serverIsn }), { ...ACK, ack: 2 }],
      ['the cookie itself', new Flow(rig, { serverIsn }), { ...ACK, ack: 0 }],
    ];
    for (const [what, flow, segment = ACK] of others) {
      assert.deepEqual(judged(rig, flow.client(segment)), BAD, what);
    }
    assert.deepEqual(judged(rig, new Flow(rig, { serverIsn }).client(ACK)), GOOD);
  });

  test(name('every bit that data must not have makes a cookie bad'), () => {
    const rig = rigOf(topology);
    const { serverIsn } = greeted(rig);
    // A cookie that is more by so much makes the data more by it.
    const changed = (by: number) => new Flow(rig, { serverIsn: (serverIsn + by) >>> 0 });
    for (const spare of [...Array.from({ length: 12 }, (_, bit) => bit), 22, 23]) {
      assert.deepEqual(judged(rig, changed(2 ** spare).client(ACK)), BAD, `bit ${spare}`);
    }
    assert.deepEqual(judged(rig, changed(15 << 16).client(ACK)), BAD, 'a window scale of 15');
    assert.deepEqual(judged(rig, changed(7 << 12).client(ACK)), BAD, 'an MSS that is not in the table');
    assert.deepEqual(
      judged(rig, changed(14 << 16).client(ACK)),
      GOOD,
      'what the client could have asked for itself',
    );
  });

  test(name('a bad ACK is answered with a reset, or dropped, as its service says'), () => {
    const bad = { flags: 'PA', seq: 1, ack: 9, payload: 5, options: [tcpOption.timestamps(1, 2)] };
    const reset = { flags: 'R', seq: 9, window: 0, ip: { ttl: 64 } };
    const [drop, answer] = [{ 'drop-syn-proxy-bad-ack': 1 }, { 'answer-reset': 1 }];
    const cases: [SynProxyConfig, object, boolean][] = [
      [{}, {}, true],
      [{}, { strayAck: 'drop' }, false],
      [{ badAck: 'drop' }, {}, false],
      [{ badAck: 'reset' }, { strayAck: 'drop' }, true],
    ];
    for (const [synProxy, settings, answered] of cases) {
      const rig = rigOf(topology, synProxy, settings);
      const flow = greeted(rig);
      for (const partial of [false, true]) {
        const [link, packet] = flow.client(bad);
        rig.play([
          {
            what: JSON.stringify([synProxy, settings, partial]),
            in: [link, partial ? packet.offload() : packet],
            out: answered ? [flow.toClient(reset)] : [],
            counters: { ...drop, ...(answered && answer) },
          },
        ]);
      }
    }
  });

  test(name('told to wait for data, the bare ACK is dropped, and the client goes on with its data'), () => {
    const rig = rigOf(topology, { deferUntilData: true });
    const flow = greeted(rig);
    const row = { what: 'the bare ACK', in: flow.client(ACK), out: [] };
    rig.play([{ ...row, counters: { 'drop-syn-proxy-null-ack': 1 } }]);
    assert.deepEqual(judged(rig, flow.client({ ...ACK, ack: 9 })), BAD, 'waiting would not make it good');
    assert.deepEqual(judged(rig, flow.client({ flags: 'PA', seq: 1, ack: 9, payload: 1 })), BAD);
    assert.deepEqual(judged(rig, flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 1 })), GOOD);
  });

  test(name('a service that never issued a cookie checks none'), () => {
    for (const mode of ['on', 'auto', 'off'] as const) {
      const rig = rigOf(topology, { mode });
      assert.deepEqual(judged(rig, new Flow(rig).client(ACK)), STRAY, mode);
    }
  });

  test(
    name('cookies are checked for up to four minutes after the last one, whether it is on still or off'),
    () => {
      for (const mode of ['on', 'off'] as const) {
        const rig = rigOf(topology);
        rig.wait(MINUTE - rig.now);
        const flow = greeted(rig);
        const next = configuration(topology, { service: { synProxy: { mode } } });
        assert.equal(rig.balancer.apply(next, rig.now).faults, undefined);
        const old = { ...ACK, ack: 2 };
        rig.now += 4 * MINUTE - 1;
        assert.deepEqual(judged(rig, flow.client(old)), BAD);
        rig.now += 1;
        assert.deepEqual(judged(rig, flow.client(old)), STRAY);
      }
    },
  );

  test(name('a handshake that was begun ends well after SYN proxy is switched off'), () => {
    const rig = rigOf(topology);
    const flow = greeted(rig);
    rig.balancer.apply(configuration(topology), rig.now);
    assert.deepEqual(judged(rig, flow.client(ACK)), GOOD);
    assert.equal(rig.send(...new Flow(rig, { port: 7 }).client({ flags: 'S' }))[0]?.link, 1, 'SYNs go on');
  });

  test(name('a cookie is too old after four minutes, while younger ones are good'), () => {
    const rig = rigOf(topology);
    const first = greeted(rig, { port: 1 });
    rig.now += 4 * MINUTE;
    const second = greeted(rig, { port: 2 });
    assert.deepEqual(judged(rig, first.client(ACK)), BAD);
    assert.deepEqual(judged(rig, second.client(ACK)), GOOD);
  });
}
