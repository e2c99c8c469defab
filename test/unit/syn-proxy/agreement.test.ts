/** What a real server agrees to is not what the client was told before: windows, timestamps, segment sizes. */
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
import type { OnLink, Rig, Row } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { readU32 } from '../../support/wire.js';

/** A scale of the client, of the SYN proxy (0: none) and of the real server, and what windows become. */
interface Windows {
  readonly client?: number;
  readonly told: number;
  readonly server?: number;
  /** [sent, received] */
  readonly toClient: readonly (readonly [number, number])[];
  readonly toServer: readonly (readonly [number, number])[];
}

const WINDOWS: readonly Windows[] = [
  { client: 3, told: 7, server: 7, toClient: [[1000, 1000]], toServer: [[501, 501]] },
  {
    client: 3,
    told: 7,
    server: 5,
    toClient: [
      [1000, 250],
      [3, 0],
      [65535, 16383],
    ],
    toServer: [[501, 501]],
  },
  {
    client: 14,
    told: 7,
    server: 9,
    toClient: [
      [1000, 4000],
      [16383, 65532],
      [16384, 65535],
      [65535, 65535],
    ],
    toServer: [[9, 9]],
  },
  {
    client: 3,
    told: 7,
    toClient: [
      [65535, 511],
      [0, 0],
    ],
    toServer: [
      [501, 4008],
      [8191, 65528],
      [8192, 65535],
    ],
  },
  { client: 3, told: 0, server: 9, toClient: [[1000, 1000]], toServer: [[501, 501]] },
  { told: 7, server: 9, toClient: [[1000, 1000]], toServer: [[501, 501]] },
  { client: 0, told: 7, server: 9, toClient: [[1000, 1000]], toServer: [[501, 501]] },
  { client: 1, told: 14, server: 99, toClient: [[1000, 1000]], toServer: [[501, 501]] },
];

const scaleOption = (scale: number | undefined) =>
  scale === undefined ? [] : [tcpOption.nop, tcpOption.windowScale(scale)];

const offloaded = ([link, frame]: OnLink): OnLink => [link, frame.offload()];

for (const way of PROXIED_WAYS) {
  const { shared, mss, topology } = way;
  const name = (what: string) => `SYN proxy, ${way.way}: ${what}`;
  const room = shared ? topology.toaLength : 0;

  for (const { client, told, server, toClient, toServer } of WINDOWS) {
    const scales = [client, told || undefined, server].map((scale) => scale ?? 'none').join(', ');
    test(name(`windows where client, balancer and real server have the scales ${scales}`), () => {
      const on = proxiedRig(way, { windowScale: told });
      const flow = new ProxiedFlow(on, {
        synOptions: [tcpOption.mss(1460), ...scaleOption(client)],
        synAckOptions: [tcpOption.mss(1460), ...scaleOption(server)],
      });
      const negotiated = told !== 0 && (client ?? 0) !== 0;
      const { tcp } = flow.cookie().decoded;
      const answered = tcp?.options.find(({ kind }) => kind === 3)?.bytes[2];
      assert.equal(answered, negotiated ? told : undefined, 'what the client is told');
      const [syn] = on.send(...flow.client(HANDSHAKE_ACK));
      flow.learn(syn!);
      const options = [tcpOption.mss(mss), ...scaleOption(negotiated ? client : undefined)];
      on.expect('our SYN has the scale of the client', [syn!], [flow.toServer({ ...OUR_SYN, options })]);
      assert.equal(on.send(...flow.synAck()).length, 1);
      for (const [sent, received] of toClient) {
        const data: FlowSegment = { flags: 'A', seq: 1, ack: 1, payload: 1 };
        for (const how of [(each: OnLink) => each, offloaded]) {
          on.play([
            {
              what: `the real server's window of ${sent}`,
              in: how(flow.fromServer({ ...data, window: sent })),
              out: [how(flow.toClient({ ...data, window: received }))],
            },
          ]);
        }
      }
      for (const [sent, received] of toServer) {
        const ack: FlowSegment = { flags: 'A', seq: 1, ack: 2 };
        on.play([
          {
            what: `the client's window of ${sent}`,
            in: flow.client({ ...ack, window: sent }),
            out: [flow.toServer({ ...ack, window: received })],
          },
        ]);
      }
      const again = on.send(...flow.synAck({ window: 1000 }));
      assert.deepEqual(
        again.map(({ decoded }) => decoded.tcp?.window),
        [1000],
        'windows of SYNs have no scale',
      );
    });
  }

  test(name('another window scale in the settings: no client takes a window for larger than it is'), () => {
    const scales = (of: number) => ({
      synOptions: [tcpOption.mss(1460), ...scaleOption(3)],
      synAckOptions: [tcpOption.mss(1460), ...scaleOption(of)],
    });
    /** What a client of that port is told of 1000 << 7 bytes, in the scale that its SYN-ACK had. */
    const windowTold = (on: Rig, flow: ProxiedFlow): number => {
      const [syn] = on.send(...flow.client(HANDSHAKE_ACK));
      flow.learn(syn!);
      assert.equal(on.send(...flow.synAck()).length, 1);
      const [sent] = on.send(...flow.fromServer({ flags: 'A', seq: 1, ack: 1, payload: 1, window: 1000 }));
      return sent!.decoded.tcp!.window;
    };
    const on = proxiedRig(way, { windowScale: 7 });
    const change = (windowScale: number, mode: 'on' | 'off' = 'on') =>
      assert.equal(on.balancer.apply(proxiedConfig(way, { windowScale, mode }), on.now).faults, undefined);
    let port = 1000;
    const told = () => {
      const flow = new ProxiedFlow(on, { ...scales(7), port: port++ });
      flow.cookie();
      return flow;
    };
    const ofSeven = [told(), told(), told()];
    change(2);
    assert.equal(windowTold(on, ofSeven[0]!), 1000, 'told 7, before anybody was told 2');
    const ofTwo = told();
    assert.equal(windowTold(on, ofSeven[1]!), 1000, 'told 7');
    assert.equal(windowTold(on, ofTwo), 1000, 'told 2, and a part of the window only');
    change(0, 'off');
    assert.equal(windowTold(on, ofSeven[2]!), 1000, 'told 7, and SYN proxy is off');
    change(2);
    const late = told();
    on.wait(180_000);
    const later = told();
    on.wait(60_000);
    assert.equal(windowTold(on, later), 32_000, 'all cookies are of 2 by now');
    assert.equal(on.send(...late.client(HANDSHAKE_ACK))[0]?.decoded.tcp?.flags, 'R', 'too old');
  });

  test(name('a real server that takes smaller segments: longer ones of the client are too big'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on, { synAckOptions: [tcpOption.mss(1300)] }).begun();
    on.play([
      {
        what: 'the SYN-ACK',
        in: flow.synAck(),
        out: [flow.toServer(flow.withToa(HANDSHAKE_ACK))],
        counters: {
          'syn-proxy-established': 1,
          'syn-proxy-mss-smaller': 1,
          ...(shared && { 'toa-added': 1 }),
        },
      },
    ]);
    const most = 1300 - room;
    const segment = (payload: number): FlowSegment => ({ flags: 'A', seq: 1, ack: 1, payload });
    assert.equal(on.send(...flow.client(segment(most))).length, 1, 'what fits goes');
    const sent = on.send(...flow.client(segment(most + 1)));
    assert.equal(on.counter('drop-too-big'), 1);
    const { icmp } = sent[0]!.decoded;
    assert.equal(sent.length, 1);
    assert.deepEqual([icmp?.type, icmp?.code], topology.family === 4 ? [3, 4] : [2, 0]);
    assert.equal(icmp?.rest, most + 20 + topology.ipHeader);
    const [link, big] = flow.client(segment(20 * (most + 1)));
    assert.equal(on.send(link, big.offload({ gsoSize: most + 1 })).length, 1, 'a GSO frame likewise');
    assert.equal(on.counter('drop-too-big'), 2);
    const [, fits] = flow.client(segment(20 * most));
    assert.ok(on.send(link, fits.offload({ gsoSize: most })).length >= 1);
    assert.equal(on.counter('drop-too-big'), 2);
  });

  if (shared) {
    test(name('no room is kept for an option that is on the SYN only'), () => {
      const on = proxiedRig(way, {}, { toa: { on: ['syn'] } });
      const flow = new ProxiedFlow(on, { synAckOptions: [tcpOption.mss(1300)] });
      flow.cookie();
      flow.learn(on.send(...flow.client(HANDSHAKE_ACK))[0]!);
      on.send(...flow.synAck());
      assert.equal(on.send(...flow.client({ flags: 'A', seq: 1, ack: 1, payload: 1300 })).length, 1);
      assert.equal(on.counter('drop-too-big'), 0);
    });
  }

  test(name('a real server without an MSS option takes what TCP promises'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on, { synAckOptions: [] }).open();
    const promised = topology.realServers[0]!.includes(':') ? 1220 : 536;
    const segment = (payload: number): FlowSegment => ({ flags: 'A', seq: 1, ack: 1, payload });
    assert.equal(on.send(...flow.client(segment(promised - room))).length, 1);
    assert.equal(on.counter('drop-too-big'), 0);
    on.send(...flow.client(segment(promised - room + 1)));
    // No IPv6 client sends packets of less than 1280 bytes for being told to.
    const isTold = topology.family === 4 || promised - room + 1 + 60 > 1280;
    assert.equal(on.counter('drop-too-big'), isTold ? 1 : 0);
  });

  if (topology.family === 4) {
    test(name('IPv4 packets that may be cut are not too big for a real server'), () => {
      const on = proxiedRig(way);
      const flow = new ProxiedFlow(on, { synAckOptions: [tcpOption.mss(1000)] }).open();
      const segment = { flags: 'A', seq: 1, ack: 1, payload: 1200, ip: { dontFragment: false } };
      assert.equal(on.send(...flow.client(segment)).length, 1);
    });
  }

  if (!shared) {
    test(name('timestamps go on from what each side has seen'), () => {
      const on = proxiedRig(way, { timestamp: true });
      const stamped = (value: number, echo: number) => [
        tcpOption.nop,
        tcpOption.nop,
        tcpOption.timestamps(value >>> 0, echo >>> 0),
      ];
      const flow = new ProxiedFlow(on, {
        synOptions: [tcpOption.mss(1460), tcpOption.sackPermitted, tcpOption.timestamps(7000, 0)],
        synAckOptions: [tcpOption.mss(1460), tcpOption.sackPermitted, tcpOption.timestamps(0xfffffff0, 7010)],
      });
      const synAck = flow.cookie().decoded.tcp!;
      const stamp = synAck.options.find(({ kind }) => kind === 8)!.bytes;
      assert.equal(readU32(stamp, 6), 7000);
      const told = readU32(stamp, 2);
      const ack = { ...HANDSHAKE_ACK, options: stamped(7010, told) };
      const [syn] = on.send(...flow.client(ack));
      flow.learn(syn!);
      const options = [tcpOption.mss(mss), tcpOption.sackPermitted, tcpOption.timestamps(7010, 0)];
      on.expect('our SYN', [syn!], [flow.toServer({ ...OUR_SYN, options })]);
      const steps: Row[] = [
        {
          what: "the ACK echoes the real server's first",
          in: flow.synAck(),
          out: [flow.toServer({ ...HANDSHAKE_ACK, options: stamped(7010, 0xfffffff0) })],
          counters: { 'syn-proxy-established': 1 },
        },
        {
          what: "the real server's go on from what the client was told",
          in: flow.fromServer({ flags: 'A', seq: 1, ack: 1, payload: 5, options: stamped(20, 7010) }),
          out: [flow.toClient({ flags: 'A', seq: 1, ack: 1, payload: 5, options: stamped(told + 36, 7010) })],
        },
        {
          what: 'and the client echoes them',
          in: flow.client({ flags: 'A', seq: 1, ack: 6, options: stamped(7100, told + 36) }),
          out: [flow.toServer({ flags: 'A', seq: 1, ack: 6, options: stamped(7100, 20) })],
        },
        {
          what: 'with a selective acknowledgment behind them',
          in: flow.client({
            flags: 'A',
            seq: 1,
            ack: 6,
            options: [...stamped(7100, told + 36), ...sack(flow.toldIsn + 9, flow.toldIsn + 19)],
          }),
          out: [
            flow.toServer({
              flags: 'A',
              seq: 1,
              ack: 6,
              options: [...stamped(7100, 20), ...sack(flow.serverIsn + 9, flow.serverIsn + 19)],
            }),
          ],
        },
      ];
      on.play(steps);
    });

    test(name('timestamps that one side does not have are left alone'), () => {
      const on = proxiedRig(way, { timestamp: true });
      const flow = new ProxiedFlow(on, { synOptions: [tcpOption.mss(1460), tcpOption.timestamps(7000, 0)] });
      flow.begun({
        ...HANDSHAKE_ACK,
        options: [tcpOption.nop, tcpOption.nop, tcpOption.timestamps(7010, 99)],
      });
      assert.equal(on.send(...flow.synAck()).length, 1);
      const later = { flags: 'A', seq: 1, ack: 1, options: [tcpOption.timestamps(7100, 99), tcpOption.nop] };
      on.play([{ what: "the client's", in: flow.client(later), out: [flow.toServer(later)] }]);
      const other = new ProxiedFlow(on, { port: 9, synOptions: [tcpOption.timestamps(7000, 0)] });
      other.cookie();
      const [syn] = on.send(...other.client(HANDSHAKE_ACK));
      assert.deepEqual(
        syn!.decoded.tcp!.options.map(({ kind }) => kind),
        [2],
        'the client has shown none in its ACK',
      );
    });
  }
}

function sack(from: number, to: number): Uint8Array[] {
  return [tcpOption.nop, tcpOption.nop, tcpOption.sack(from >>> 0, to >>> 0)];
}
