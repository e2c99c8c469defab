import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { SynProxyConfig } from '../../../lib/balancer/config/model.js';
import { Frame } from '../../../lib/balancer/index.js';
import { PARSED, parse } from '../../../lib/balancer/parse.js';
import { SynCookies } from '../../../lib/balancer/syn-proxy/cookie.js';
import { cookieData } from '../../../lib/balancer/syn-proxy/cookie-data.js';
import { fragmentsOf } from '../../model/fragmentation.js';
import { Flow, type FlowSegment } from '../../support/flow.js';
import { type BuiltFrame, type PacketBuilder, packet, pattern } from '../../support/packet-builder.js';
import { describe } from '../../support/packet-decoder.js';
import { type OnLink, Rig, SECRET, type Sent } from '../../support/rig.js';
import { encodeTcp, tcpOption } from '../../support/tcp-segment.js';
import {
  configuration,
  IPV4,
  IPV6,
  MACS,
  NAT64,
  OUTSIDE,
  TOPOLOGIES,
  type Topology,
} from '../../support/topology.js';
import { concat, hex, hostPort } from '../../support/wire.js';

const { end, fastOpen, fastOpenExperimental, mss, nop, raw, sackPermitted, timestamps, toa, windowScale } =
  tcpOption;
const nops = (count: number) => new Uint8Array(count).fill(1);

/** A balancer that answers SYNs by itself. */
function rigOf(topology: Topology, synProxy: SynProxyConfig = {}, service: object = {}): Rig {
  return new Rig({ topology, service: { synProxy, ...service } });
}

interface Answer {
  readonly what: string;
  readonly syn?: Omit<FlowSegment, 'flags'> & { readonly flags?: string };
  /** Of the SYN-ACK. */
  readonly options: readonly Uint8Array[];
  /** What the cookie tells: MSS, window scale, SACK, timestamps. */
  readonly tells: readonly [mss: number, windowScale?: number, sack?: boolean, timestamp?: boolean];
  readonly counters?: Readonly<Record<string, number>>;
}

/** Sends a SYN, and checks the SYN-ACK byte by byte, and what its cookie tells. */
function check(rig: Rig, { what, syn, options, tells, counters = {} }: Answer, change = same): void {
  const { family } = rig.topology;
  const sent = rig.send(...change(new Flow(rig).client({ flags: 'S', ...syn })));
  const cookie = sent[0]?.decoded.tcp?.seq ?? assert.fail(`${what}: no SYN-ACK`);
  const flow = new Flow(rig, { serverIsn: cookie });
  const answer = flow.toClient({ flags: 'SA', seq: 0, ack: 1, window: 65535, options });
  rig.expect(what, sent, [answer]);
  const [told, scale = 0, sack = false, timestamp = false] = tells;
  assert.equal(
    cookieOf(rig, flow.client({ flags: 'A', seq: 1, ack: 1 })),
    cookieData(family, told, scale, sack, timestamp),
    `what the cookie tells: ${what}`,
  );
  for (const [name, count] of Object.entries({ 'syn-proxy-syn': 1, ...counters })) {
    assert.equal(rig.counter(name), count, `${name}: ${what}`);
  }
}

const same = (frame: [number, PacketBuilder]): OnLink => frame;

/** What the cookie in an ACK tells. */
function cookieOf({ now }: Rig, [, packet]: OnLink): number {
  const bytes = packet.bytes();
  const frame = new Frame(concat(new Uint8Array(200), bytes)).at(200, bytes.length, OUTSIDE);
  assert.equal(parse(frame), PARSED);
  return new SynCookies(SECRET.subarray(8, 24)).check(frame, now);
}

/** What a client that is today's sends. */
const usual = [mss(1460), sackPermitted, timestamps(77, 0), nop, windowScale(8)];

for (const topology of [IPV4, IPV6, NAT64]) {
  const { family, realServers } = topology;
  const name = (what: string) => `IPv${family}${topology === NAT64 ? ' to IPv4' : ''}: ${what}`;
  const most = family === 4 ? 1452 : 1420;
  assert.ok(realServers.length > 0);

  test(name('the SYN-ACK has what both agree on in its place, and NOPs for all else'), () => {
    const counters = { 'option-list-malformed': 1 };
    const answers: Answer[] = [
      {
        what: 'what Linux sends',
        syn: { options: usual },
        options: [mss(most), sackPermitted, nops(11), windowScale(7)],
        tells: [most, 8, true],
      },
      { what: 'no options: the MSS is 536', options: [], tells: [536] },
      {
        what: 'an MSS of 0 is none',
        syn: { options: [mss(0)] },
        options: [mss(536)],
        tells: [536],
      },
      {
        what: 'a small MSS is kept',
        syn: { options: [mss(1000)] },
        options: [mss(1000)],
        tells: [1000],
      },
      {
        what: 'a very small one, too, though the cookie cannot tell it',
        syn: { options: [mss(9)] },
        options: [mss(9)],
        tells: [64],
      },
      {
        what: 'a large MSS is lowered',
        syn: { options: [mss(65535)] },
        options: [mss(most)],
        tells: [most],
      },
      {
        what: 'at odd offsets, in another order',
        syn: { options: [nop, windowScale(14), nop, sackPermitted, mss(1300), nop] },
        options: [nop, windowScale(7), nop, sackPermitted, mss(1300), nop],
        tells: [1300, 14, true],
      },
      {
        what: 'an MSS at an odd offset',
        syn: { options: [nop, mss(1459), windowScale(1)] },
        options: [nop, mss(most), windowScale(7)],
        tells: [most, 1],
      },
      {
        what: 'a window scale above 14 counts as 14 (RFC 7323 2.3)',
        syn: { options: [windowScale(255)] },
        options: [windowScale(7), nop],
        tells: [536, 14],
      },
      {
        what: 'a window scale of 0, which a cookie cannot tell from none, is answered as none',
        syn: { options: [mss(1400), windowScale(0), nop] },
        options: [mss(1400), nops(4)],
        tells: [1400],
      },
      {
        what: 'timestamps at an odd offset',
        syn: { options: [nop, timestamps(0xfedcba98, 0x1020304)] },
        options: [nops(12)],
        tells: [536],
      },
      {
        what: 'TCP Fast Open and MPTCP are not echoed',
        syn: {
          options: [
            fastOpen(hex('0102030405060708')),
            raw(30, new Uint8Array(10)),
            fastOpenExperimental(hex('01020304')),
          ],
        },
        options: [nops(32)],
        tells: [536],
      },
      {
        what: 'nor is what looks like TOA, nor anything unknown',
        syn: {
          options: [toa({ address: hex('01020304'), port: 5 }), raw(99, hex('0102')), raw(28, hex('0001'))],
        },
        options: [nops(16)],
        tells: [536],
      },
      {
        what: 'of an option that is there twice the last counts',
        syn: {
          options: [
            mss(1400),
            sackPermitted,
            windowScale(3),
            nop,
            sackPermitted,
            windowScale(5),
            nop,
            mss(1300),
          ],
        },
        options: [
          mss(1400),
          sackPermitted,
          windowScale(7),
          nop,
          sackPermitted,
          windowScale(7),
          nop,
          mss(1300),
        ],
        tells: [1300, 5, true],
      },
      {
        what: 'options of a wrong length are none',
        syn: { options: [raw(2, hex('05')), raw(3), raw(4, hex('00')), raw(8, hex('01020304')), nop] },
        options: [nops(16)],
        tells: [536],
      },
      {
        what: 'what follows the end of the list is none',
        syn: { options: [mss(1400), end, mss(1300), nops(3)] },
        options: [mss(1400), nops(8)],
        tells: [1400],
      },
      {
        what: 'an option longer than the header',
        syn: { options: [mss(1400), Uint8Array.of(2, 9, 5, 5)] },
        options: [mss(1400), nops(4)],
        tells: [1400],
        counters,
      },
      {
        what: 'an option of length 0',
        syn: { options: [sackPermitted, Uint8Array.of(3, 0)] },
        options: [sackPermitted, nops(2)],
        tells: [536, 0, true],
        counters,
      },
      {
        what: 'an option of length 1',
        syn: { options: [Uint8Array.of(200, 1), mss(1300), nops(2)] },
        options: [nops(8)],
        tells: [536],
        counters,
      },
      {
        what: 'a kind without a length',
        syn: { options: [nops(3), Uint8Array.of(2)] },
        options: [nops(4)],
        tells: [536],
        counters,
      },
      {
        what: 'a header full of options',
        syn: { options: [...usual, raw(253, new Uint8Array(18))] },
        options: [mss(most), sackPermitted, nops(11), windowScale(7), nops(20)],
        tells: [most, 8, true],
      },
    ];
    for (const answer of answers) check(rigOf(topology), answer);
  });

  test(name('the settings say what is agreed on'), () => {
    const answers: [SynProxyConfig, Answer][] = [
      [
        { sack: false },
        { what: 'no SACK', options: [mss(most), nops(13), windowScale(7)], tells: [most, 8] },
      ],
      [
        { windowScale: 0 },
        { what: 'no window scale', options: [mss(most), sackPermitted, nops(14)], tells: [most, 0, true] },
      ],
      [
        { windowScale: 14, mss: 1300 },
        {
          what: 'another window scale and MSS',
          options: [mss(1300), sackPermitted, nops(11), windowScale(14)],
          tells: [1300, 8, true],
        },
      ],
    ];
    for (const [settings, answer] of answers) {
      check(rigOf(topology, settings), { syn: { options: usual }, ...answer });
    }
    const small = { what: 'less than 536', options: [], tells: [100] } as const;
    check(rigOf(topology, { mss: 100 }), small);
  });
}

for (const topology of TOPOLOGIES) {
  const { family } = topology;
  const name = (what: string) => `IPv${family}: ${what}`;
  const most = family === 4 ? 1452 : 1420;
  const answer = {
    options: [mss(most), sackPermitted, nops(11), windowScale(7)],
    tells: [most, 8, true],
  } as const;

  test(name('NAT agrees on timestamps where it is told to: theirs goes back, ours is the clock'), () => {
    const rig = rigOf(topology, { timestamp: true }, { mode: 'nat' });
    rig.now = 2 ** 32 + 5000;
    const aligned = [mss(most), sackPermitted, timestamps(5000, 77), nop, windowScale(7)];
    const tells = [most, 8, true, true] as const;
    check(rig, { what: 'aligned', syn: { options: usual }, options: aligned, tells });
    const other = rigOf(topology, { timestamp: true }, { mode: 'nat' });
    const syn = { options: [nop, timestamps(0xfedcba98, 0x1020304)] };
    const options = [nop, timestamps(1000, 0xfedcba98), nop];
    check(other, { what: 'at an odd offset', syn, options, tells: [536, 0, false, true] });
  });

  test(name('the SYN-ACK has the TTL of the settings, whatever the SYN has'), () => {
    for (const ttl of [1, 255]) {
      const rig = rigOf(topology, { ttl });
      const [sent] = rig.send(...new Flow(rig).client({ flags: 'S', ip: { ttl: 1 } }));
      assert.equal(sent?.decoded.ip?.ttl, ttl);
    }
  });

  test(name('ECN, urgent data, type of service and old acknowledgments of a SYN do not come back'), () => {
    const ip = { trafficClass: 0xb9, ...(family === 4 ? { id: 0x1234 } : { flowLabel: 0x12345 }) };
    const syn = { flags: 'SECUP', urgent: 7, ack: 0x7654321, window: 0, options: usual, ip };
    check(rigOf(topology), { what: 'all of them', syn, ...answer });
  });

  test(name('data in a SYN is left out, be its length odd or even, its checksum complete or partial'), () => {
    for (const payload of [1, 2, 999, 1400]) {
      const syn = { options: usual, payload };
      check(rigOf(topology), { what: `${payload} bytes`, syn, ...answer });
      check(rigOf(topology), { what: `${payload}, partial`, syn, ...answer }, offloaded);
    }
    const syn = { options: usual, payload: 5000 };
    check(rigOf(topology), { what: 'a GSO frame', syn, ...answer }, ([link, packet]) => [
      link,
      packet.offload({ gsoSize: 1400 }),
    ]);
  });

  test(name('a SYN with a partial checksum gets a SYN-ACK with a complete one'), () => {
    check(rigOf(topology), { what: 'partial', syn: { options: usual }, ...answer }, offloaded);
  });

  test(name('padding behind a SYN is left out'), () => {
    const rig = rigOf(topology);
    const [link, packet] = new Flow(rig).client({ flags: 'S', options: usual });
    const { bytes, virtio } = packet.build();
    const padded: BuiltFrame = { bytes: concat(bytes, new Uint8Array(30).fill(0xee)), virtio };
    const [sent] = rig.send(link, padded) as [Sent];
    const flow = new Flow(rig, { serverIsn: sent.decoded.tcp!.seq });
    const { options } = answer;
    rig.expect('padded', [sent], [flow.toClient({ flags: 'SA', ack: 1, window: 65535, options })]);
  });

  test(name('what was wrong in a SYN is wrong in its SYN-ACK, so that the client does not take it'), () => {
    const rig = rigOf(topology);
    const syn = { flags: 'S', options: usual, checksum: 'bad', payload: 9 } as const;
    const [sent] = rig.send(...new Flow(rig).client(syn)) as [Sent];
    assert.match(describe(sent), /\[SA\].* BAD TCP CHECKSUM/);
  });

  test(name('every SYN is answered alike, and nothing is kept of it'), () => {
    const rig = rigOf(topology);
    const syns = Array.from({ length: 50 }, (_, i) => new Flow(rig, { port: 1000 + (i % 25) }));
    const cookies = syns.map((flow) => rig.send(...flow.client({ flags: 'S' }))[0]?.decoded.tcp?.seq);
    assert.equal(new Set(cookies).size, 25, 'the same SYN has the same cookie');
    assert.equal(rig.balancer.connections.count, 0);
    assert.equal(rig.counter('syn-proxy-syn'), 50);
    assert.equal(rig.counter('connections-new'), 0);
  });

  test(name('a SYN that came in fragments is answered whole, without the data that made it so long'), () => {
    const rig = rigOf(topology);
    const flow = new Flow(rig);
    const [from, to] = [hostPort(flow.clientAddress, 0).address, hostPort(topology.vip, 0).address];
    const fields = {
      from: flow.clientPort,
      to: topology.port,
      seq: flow.clientIsn,
      flags: 'S',
      options: usual,
    };
    const body = encodeTcp(fields, pattern(1000), from, to);
    const below = packet().ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] });
    const whole = { from: flow.clientAddress, to: topology.vip, id: 7, protocol: 6, body, below };
    const sent = fragmentsOf(whole, 576).flatMap((fragment) => rig.send(OUTSIDE, fragment));
    const proxied = new Flow(rig, { serverIsn: sent[0]?.decoded.tcp?.seq ?? 0 });
    const { options } = answer;
    rig.expect('in fragments', sent, [proxied.toClient({ flags: 'SA', ack: 1, window: 65535, options })]);
  });

  test(name('a SYN with ACK, FIN or RST is no SYN'), () => {
    const rig = rigOf(topology);
    for (const flags of ['SA', 'SF', 'SR', 'SFA']) rig.send(...new Flow(rig).client({ flags }));
    assert.equal(rig.counter('syn-proxy-syn'), 0);
    assert.equal(rig.counter('drop-stray'), 4);
  });

  test(name('without a real server that may take a connection a SYN is dropped'), () => {
    const { realServers } = topology;
    const weights: [number, number] = [0, 0];
    const servers = () => realServers.map((address, i) => ({ address, weight: weights[i]! }));
    const drop = { 'drop-syn-proxy-no-server': 1 };
    const none = rigOf(topology, {}, { realServers: servers() });
    none.play([
      { what: 'all of weight 0', in: new Flow(none).client({ flags: 'S' }), out: [], counters: drop },
    ]);
    weights[1] = 1;
    check(rigOf(topology, {}, { realServers: servers() }), {
      what: 'one of weight 1',
      syn: { options: usual },
      ...answer,
    });
    const empty = rigOf(topology, {}, { realServers: [] });
    empty.play([
      { what: 'none at all', in: new Flow(empty).client({ flags: 'S' }), out: [], counters: drop },
    ]);
  });

  test(name('any SYN is answered with the checksum that its bytes have'), () => {
    const option = fc.oneof(
      fc.constantFrom(...usual, windowScale(2), sackPermitted, mss(536), nop),
      fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 9 })).map(([kind, body]) => raw(kind, body)),
      fc.uint8Array({ minLength: 1, maxLength: 6 }),
    );
    const rig = rigOf(topology, { timestamp: true }, { mode: 'nat' });
    const fields = fc.record({
      options: fc.array(option, { maxLength: 5 }).map((list) => [concat(...list).slice(0, 40)]),
      payload: fc.uint8Array({ maxLength: 20 }),
      seq: fc.nat(2 ** 32 - 1),
      window: fc.nat(65535),
      urgent: fc.nat(65535),
      port: fc.integer({ min: 1, max: 65535 }),
      partial: fc.boolean(),
    });
    fc.assert(
      fc.property(fields, ({ port, partial, ...syn }) => {
        const flow = new Flow(rig, { port });
        const [link, packet] = flow.client({ flags: 'S', ...syn });
        const [sent] = rig.send(link, partial ? packet.offload() : packet) as [Sent];
        const { tcp } = sent.decoded;
        assert.ok(tcp);
        const options = [sent.bytes.slice(sent.bytes.length - tcp.headerLength + 20)];
        const seq = (tcp.seq - flow.serverIsn) >>> 0;
        const out = { flags: 'SA', seq, ack: syn.seq + 1, window: 65535, options };
        rig.expect('the SYN-ACK', [sent], [flow.toClient(out)]);
      }),
    );
  });
}

const offloaded = ([link, packet]: [number, PacketBuilder]): OnLink => [link, packet.offload()];

test('options of an IPv4 header do not come back', () => {
  const rig = rigOf(IPV4);
  const ip = { options: concat(raw(148, hex('0000')), nops(36)) };
  const syn = { options: [mss(1400)], ip, payload: 3 };
  check(rig, { what: '40 bytes', syn, options: [mss(1400)], tells: [1400] });
});

test('extension headers of IPv6 do not come back', () => {
  for (const types of [[0], [60], [43], [44], [0, 60, 43, 60]]) {
    const rig = rigOf(IPV6);
    const flow = new Flow(rig);
    const { below, from, to, link } = flow.ways.client();
    const headers = types.reduce(
      (packet, type) =>
        type === 44 ? packet.fragment({ offset: 0, more: false }) : packet.extension(type, body(type)),
      below,
    );
    const segment = { from, to, seq: flow.clientIsn, flags: 'S', options: [mss(1400)] };
    const change = (): OnLink => [link, headers.tcp(segment)];
    check(rig, { what: String(types), options: [mss(1400)], tells: [1400] }, change);
  }
});

/** Of a routing header: nothing left to do; else padding. */
const body = (type: number) => (type === 43 ? hex('0400') : hex('0104'));

test('above the rate that the service is limited to SYNs are dropped', () => {
  const limits = { connectionsPerSecond: 1 };
  const rig = new Rig({ topology: IPV4, service: { limits } });
  for (let port = 1; port < 100; port++) new Flow(rig, { port }).syn();
  rig.wait(2000);
  rig.balancer.apply(configuration(IPV4, { service: { limits, synProxy: {} } }), rig.now);
  const row = { what: 'a SYN', in: new Flow(rig, { port: 100 }).client({ flags: 'S' }), out: [] };
  rig.play([{ ...row, counters: { 'drop-rate-limited': 1 } }]);
});
