/** While the real server's answer is awaited: what may come in between, from either side. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowSegment } from '../../support/flow.js';
import {
  HANDSHAKE_ACK,
  OUR_SYN,
  PROXIED_WAYS,
  ProxiedFlow,
  proxiedConfig,
  proxiedRig,
} from '../../support/proxied-flow.js';
import type { Row } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';

const UNEXPECTED = { 'drop-syn-proxy-unexpected': 1 };
/** The balancer's own. */
const RESET: FlowSegment = { flags: 'R', window: 0, ip: { ttl: 64 } };

for (const way of PROXIED_WAYS) {
  const { shared, mss } = way;
  const name = (what: string) => `SYN proxy, ${way.way}: ${what}`;
  const added = (count: number) => (shared ? { 'toa-added': count } : {});

  test(name('what does not follow the ACK of the cookie is dropped, and the handshake goes on'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on).begun();
    const segments: [string, FlowSegment][] = [
      ['another acknowledgment', { flags: 'A', seq: 1, ack: 2 }],
      ['a byte before the first', { flags: 'A', seq: 0, ack: 1 }],
      ['what the window has no room for', { flags: 'A', seq: 65_537, ack: 1 }],
      ['a SYN-ACK', { flags: 'SA', seq: 1, ack: 1 }],
      ['no acknowledgment', { flags: '', seq: 1 }],
      ['a FIN alone', { flags: 'F', seq: 1 }],
      ['a reset from anywhere', { flags: 'R', seq: 0 }],
    ];
    const rows = segments.map(
      ([what, segment]): Row => ({ what, in: flow.client(segment), out: [], counters: UNEXPECTED }),
    );
    on.play([
      ...rows,
      {
        what: 'the real server answers',
        in: flow.synAck(),
        out: [flow.toServer(flow.withToa(HANDSHAKE_ACK))],
        counters: { 'syn-proxy-established': 1, ...added(1) },
      },
    ]);
  });

  test(
    name('a client that resets ends the handshake; packets still on their way do not begin it again'),
    () => {
      const on = proxiedRig(way, {}, { timeouts: { close: 3 } });
      const flow = new ProxiedFlow(on).begun();
      on.play([
        { what: 'data waits', in: flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 'x' }), out: [] },
        {
          what: 'a reset is told the real server in its own numbers',
          in: flow.client({ flags: 'RA', seq: 2, ack: 1 }),
          out: [flow.toServer({ ...RESET, seq: 1 })],
          counters: { 'syn-proxy-aborted': 1, 'reset-on-expiry': 1 },
        },
        { what: 'the ACK, late', in: flow.client(HANDSHAKE_ACK), out: [], counters: UNEXPECTED },
        {
          what: "the real server's SYN-ACK that crossed it",
          in: flow.synAck(),
          out: [flow.toServer({ ...RESET, seq: 1 })],
          counters: { ...UNEXPECTED, 'answer-reset': 1 },
        },
        { what: 'and nothing more', wait: 3250, out: [] },
      ]);
      assert.equal(on.balancer.connections.count, 0);
    },
  );

  test(name('once it is switched off, a client that has reset comes again without it'), () => {
    for (const reopened of [false, true]) {
      const on = proxiedRig(way);
      if (reopened) {
        assert.equal(on.send(...new ProxiedFlow(on).settled().fromServer({ flags: 'RA', seq: 2 })).length, 1);
        on.now += 1;
      }
      const first = new ProxiedFlow(on, { clientIsn: 77_000 }).begun();
      assert.equal(on.send(...first.client({ flags: 'R', seq: 1 })).length, 1);
      assert.equal(on.balancer.apply(proxiedConfig(way, { mode: 'off' }), on.now).faults, undefined);
      on.now += 1;
      const second = new ProxiedFlow(on, { clientIsn: 0x12345678, serverIsn: 0x1000 }).direct();
      assert.equal(on.balancer.connections.count, 1);
      const data = { flags: 'PA', seq: 1, ack: 2, payload: 'x', window: 1000 };
      const answer = { flags: 'PA', seq: 2, ack: 2, payload: 'OK', window: 1000 };
      on.play([
        { what: 'a request', in: second.client(data), out: [second.toServer(data)] },
        { what: 'an answer', in: second.fromServer(answer), out: [second.toClient(answer)] },
      ]);
    }
  });

  test(name('a real server that holds on to a connection before is reset, and takes the next SYN'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on).begun();
    const old: FlowSegment = { flags: 'A', seq: 700_000, ack: 9000 };
    on.play([
      {
        what: 'its ACK of something else (RFC 5961 4)',
        in: flow.fromServer(old),
        out: [flow.toServer({ ...RESET, seq: 9000 })],
        counters: { ...UNEXPECTED, 'answer-reset': 1 },
      },
      {
        what: 'a reset of that one is not of ours',
        in: flow.fromServer({ flags: 'RA', seq: 1, ack: 9000 }),
        out: [],
        counters: UNEXPECTED,
      },
      {
        what: 'one that acknowledges nothing neither, whatever stands there',
        in: flow.fromServer({ flags: 'R', seq: 1, ack: 1 }),
        out: [],
        counters: UNEXPECTED,
      },
      {
        what: 'a SYN of its own',
        in: flow.fromServer({ flags: 'S', ack: 1 }),
        out: [],
        counters: UNEXPECTED,
      },
      {
        what: 'our SYN again',
        wait: 3000,
        out: [flow.toServer({ ...OUR_SYN, options: [tcpOption.mss(mss)] })],
        counters: { 'syn-proxy-resent': 1 },
      },
      {
        what: 'which it takes',
        in: flow.synAck(),
        out: [flow.toServer(flow.withToa(HANDSHAKE_ACK))],
        counters: { 'syn-proxy-established': 1, ...added(1) },
      },
    ]);
  });

  test(name('a SYN-ACK that comes again is for the client to acknowledge again'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on).open();
    on.play([
      {
        what: 'the SYN-ACK again',
        in: flow.synAck(),
        out: [flow.toldSynAck()],
        counters: shared ? { 'mss-lowered': 1 } : {},
      },
      {
        what: "the client's ACK",
        in: flow.client(HANDSHAKE_ACK),
        out: [flow.toServer(flow.withToa(HANDSHAKE_ACK))],
        counters: added(1),
      },
    ]);
  });

  test(
    name('another SYN-ACK than the first, of a real server that keeps no memory of SYNs, changes nothing'),
    () => {
      const on = proxiedRig(way);
      const flow = new ProxiedFlow(on).open();
      const late = { flags: 'S', options: flow.synOptions };
      on.play([{ what: "the client's SYN, late", in: flow.client(late), out: [flow.toServer(late)] }]);
      const segments: [string, FlowSegment][] = [
        ['one with the number of another minute', { flags: 'SA', seq: 70_000, ack: 1 }],
        ['one that acknowledges what was never sent', { flags: 'SA', seq: 70_000, ack: 9000 }],
        ['one that acknowledges nothing', { flags: 'S', seq: 70_000, ack: 1 }],
      ];
      const request: FlowSegment = { flags: 'PA', seq: 1, ack: 1, payload: 'GET' };
      const answer: FlowSegment = { flags: 'PA', seq: 1, ack: 4, payload: 'OK' };
      on.play([
        ...segments.map(
          ([what, segment]): Row => ({ what, in: flow.fromServer(segment), out: [], counters: UNEXPECTED }),
        ),
        {
          what: 'a request',
          in: flow.client(request),
          out: [flow.toServer(flow.withToa(request))],
          counters: added(1),
        },
        { what: 'an answer', in: flow.fromServer(answer), out: [flow.toClient(answer)] },
      ]);
    },
  );

  test(name('a SYN that comes late is answered again, and what the client says to that still fits'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on).begun();
    const told = flow.toldIsn;
    flow.cookie();
    assert.equal(flow.toldIsn, told, 'the same cookie');
    on.play([
      { what: 'its acknowledgment again', in: flow.client(HANDSHAKE_ACK), out: [] },
      {
        what: 'the real server answers',
        in: flow.synAck(),
        out: [HANDSHAKE_ACK, HANDSHAKE_ACK].map((each) => flow.toServer(flow.withToa(each))),
        counters: { 'syn-proxy-established': 1, ...added(2) },
      },
    ]);
  });

  test(name('a client that begins anew while the real server is awaited is taken at its last word'), () => {
    const on = proxiedRig(way);
    const first = new ProxiedFlow(on).begun();
    on.now += 1;
    const second = new ProxiedFlow(on, { clientIsn: 77_000 });
    second.cookie();
    const [syn] = on.send(...second.client(HANDSHAKE_ACK));
    assert.ok(syn !== undefined);
    second.learn(syn);
    assert.deepEqual([on.counter('syn-proxy-reused'), on.counter('syn-proxy-reused-half-open')], [1, 1]);
    assert.equal(second.localPort, first.localPort, 'the same record');
    on.play([
      {
        what: 'the answer to the first SYN',
        in: first.synAck(),
        out: [second.toServer({ ...RESET, seq: first.balancerIsn + 1 - second.balancerIsn })],
        counters: { ...UNEXPECTED, 'answer-reset': 1 },
      },
      {
        what: 'the answer to the second: nothing of the first is left',
        in: second.synAck(),
        out: [second.toServer(second.withToa(HANDSHAKE_ACK))],
        counters: { 'syn-proxy-established': 1, ...added(1) },
      },
    ]);
  });

  test(name('timeouts that are changed meanwhile leave the times of our SYNs alone'), () => {
    const on = proxiedRig(way, {}, { timeouts: { synSent: 60 } });
    new ProxiedFlow(on).begun();
    const shorter = proxiedConfig(way, {}, { timeouts: { synSent: 1 } });
    assert.ok(on.balancer.apply(shorter, on.now).difference);
    const flags = (milliseconds: number) => on.wait(milliseconds).map(({ decoded }) => decoded.tcp?.flags);
    assert.deepEqual(flags(2500), []);
    assert.deepEqual(flags(1000), ['S']);
  });

  test(name('a real server that is removed meanwhile is not asked again'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on).begun();
    const { realServers } = on.topology;
    const left = { realServers: [{ address: realServers[1]!, port: on.topology.serverPort }] };
    const applied = on.balancer.apply(proxiedConfig(way, {}, left), on.now);
    assert.equal(applied.faults, undefined);
    on.play([
      {
        what: 'both sides are told',
        wait: 3000,
        out: [flow.toServer({ ...RESET, seq: 1 }), flow.toClient({ ...RESET, seq: 1 })],
        counters: { 'syn-proxy-given-up': 1, 'reset-on-expiry': 2 },
      },
    ]);
    assert.equal(on.balancer.connections.count, 0);
  });

  test(
    name('without a buffer for the first ACK, the SYN-ACK goes to the client, which acknowledges again'),
    () => {
      const on = proxiedRig(way, { storedSegments: 63 });
      const flows = Array.from({ length: 17 }, (_, n) => new ProxiedFlow(on, { port: 2000 + n }));
      for (const flow of flows.slice(0, 16)) {
        flow.begun();
        for (let i = 0; i < 63; i++) assert.equal(on.send(...flow.client(HANDSHAKE_ACK)).length, 0);
      }
      assert.equal(on.counter('drop-syn-proxy-queue-full'), 0);
      const flow = flows[16]!.begun();
      assert.equal(on.counter('syn-proxy-not-kept'), 1, 'there is no buffer left');
      on.play([
        {
          what: 'what comes next finds no buffer either',
          in: flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 'x' }),
          out: [],
          counters: { 'drop-syn-proxy-queue-full': 1 },
        },
        {
          what: 'the SYN-ACK',
          in: flow.synAck(),
          out: [flow.toldSynAck()],
          counters: { 'syn-proxy-established': 1, ...(shared && { 'mss-lowered': 1 }) },
        },
        {
          what: "the client's ACK",
          in: flow.client(HANDSHAKE_ACK),
          out: [flow.toServer(flow.withToa(HANDSHAKE_ACK))],
          counters: added(1),
        },
      ]);
      on.wait(13_000);
      assert.equal(on.balancer.connections.count, 1);
      assert.equal(
        new ProxiedFlow(on, { port: 3000 }).begun().rig.counter('syn-proxy-not-kept'),
        1,
        'all are free again',
      );
    },
  );

  for (const [answer, flags, coming] of [
    ['refuses', 'RA', 1],
    ['answers', 'SA', 64],
  ] as const) {
    test(name(`the buffers of segments that waited are free once the real server ${answer}`), () => {
      const on = proxiedRig(way, { storedSegments: 63 });
      for (let port = 2000; port < 2020; port++) {
        const flow = new ProxiedFlow(on, { port }).begun();
        for (let i = 0; i < 63; i++) assert.equal(on.send(...flow.client(HANDSHAKE_ACK)).length, 0);
        assert.equal(on.send(...flow.fromServer({ flags, ack: 1 })).length, coming);
      }
      assert.equal(on.counter('syn-proxy-not-kept') + on.counter('drop-syn-proxy-queue-full'), 0);
    });
  }
}
