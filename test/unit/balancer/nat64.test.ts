import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow, type FlowSegment } from '../../support/flow.js';
import type { PacketBuilder } from '../../support/packet-builder.js';
import { type OnLink, Rig } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { INSIDE, NAT64 as topology } from '../../support/topology.js';
import { concat, onesSum, u16, u32 } from '../../support/wire.js';

const offloaded = ([link, frame]: OnLink, gsoSize?: number): [number, PacketBuilder] => [
  link,
  frame.offload(gsoSize === undefined ? {} : { gsoSize }),
];

/** What the real server receives where the packet may be cut: no DF, and an id made of ports and sequence number. */
function cuttable(flow: Flow, segment: FlowSegment): [number, PacketBuilder] {
  const seq = (flow.balancerIsn + (segment.seq ?? 0)) >>> 0;
  const id = onesSum(concat(u16(flow.localPort), u16(topology.serverPort), u32(seq)));
  return flow.toServer({ ...segment, ip: { id, dontFragment: false, ...segment.ip } });
}

test('NAT64: a connection from its SYN to its end, the option telling the IPv6 client', () => {
  const rig = new Rig({ topology });
  const flow = new Flow(rig);
  const syn = flow.syn({ options: [tcpOption.mss(1440)] });
  rig.expect('SYN', [syn], [cuttable(flow, { flags: 'S', options: [tcpOption.mss(1440)] })]);
  assert.equal(syn.decoded.ip?.family, 4);
  const options = [flow.toa];
  assert.equal(flow.toa.length, 20);
  const counters = { 'toa-added': 1 };
  const steps: [what: string, fromClient: boolean, segment: FlowSegment, withOption?: boolean][] = [
    ['SYN-ACK', false, { flags: 'SA', ack: 1 }],
    ['the handshake ACK', true, { flags: 'A', seq: 1, ack: 1 }, true],
    ['a request', true, { flags: 'PA', seq: 1, ack: 1, payload: 100 }, true],
    ['an answer', false, { flags: 'PA', seq: 1, ack: 101, payload: 1400 }],
    ['its ACK', true, { flags: 'A', seq: 101, ack: 1401 }],
    ['FIN', true, { flags: 'FA', seq: 101, ack: 1401 }],
    ['FIN of the other side', false, { flags: 'FA', seq: 1401, ack: 102 }],
    ['the last ACK', true, { flags: 'A', seq: 102, ack: 1402 }],
  ];
  for (const [what, fromClient, segment, withOption] of steps) {
    rig.play([
      fromClient
        ? {
            what,
            in: flow.client(segment),
            out: [cuttable(flow, withOption ? { ...segment, options } : segment)],
            counters: withOption ? counters : {},
          }
        : { what, in: flow.fromServer(segment), out: [flow.toClient(segment)] },
    ]);
  }
  assert.equal(rig.balancer.connections.count, 1);
});

test('NAT64: traffic class and hop limit are kept; extension headers, flow label and IPv4 options are not', () => {
  const rig = new Rig({ topology });
  const flow = new Flow(rig).settled();
  const segment = { flags: 'PA', seq: 1, ack: 2, payload: 30 };
  const [link, plain] = flow.client({ ...segment, ip: { ttl: 9, trafficClass: 0xb9, flowLabel: 0x12345 } });
  assert.ok(plain);
  rig.play([
    {
      what: 'a flow label',
      in: [link, plain],
      out: [cuttable(flow, { ...segment, ip: { ttl: 8, trafficClass: 0xb9 } })],
    },
  ]);
  const extended = flow.client(segment)[1].build();
  const hopByHop = Uint8Array.of(6, 0, 1, 4, 0, 0, 0, 0);
  const bytes = concat(extended.bytes.slice(0, 54), hopByHop, extended.bytes.slice(54));
  bytes.set(u16(bytes.length - 54), 18);
  bytes[20] = 0;
  const sent = rig.send(link, { bytes, virtio: extended.virtio });
  rig.expect('a hop-by-hop header', sent, [cuttable(flow, segment)]);
  const back = { flags: 'A', seq: 2, ack: 31, payload: 40 };
  for (const options of [new Uint8Array(), Uint8Array.of(1, 1, 1, 0), new Uint8Array(40).fill(1)]) {
    rig.play([
      {
        what: `${options.length} bytes of IPv4 options`,
        in: flow.fromServer({ ...back, ip: { options, trafficClass: 0x2e, ttl: 33 } }),
        out: [flow.toClient({ ...back, ip: { trafficClass: 0x2e, ttl: 32 } })],
      },
    ]);
  }
});

test('NAT64: a packet of up to 1260 bytes may be cut, also when the option makes it longer', () => {
  const rig = new Rig({ topology });
  const flow = new Flow(rig).settled();
  const size = (total: number) => ({ flags: 'A', seq: 1, ack: 2, payload: total - 40 });
  rig.play([
    { what: '1260', in: flow.client(size(1260)), out: [cuttable(flow, size(1260))] },
    { what: '1261', in: flow.client(size(1261)), out: [flow.toServer(size(1261))] },
  ]);
  const other = new Flow(rig, { port: 2 }).half();
  const early = { ...size(1260), ack: 1 };
  rig.play([
    {
      what: 'with the option',
      in: other.client(early),
      out: [cuttable(other, { ...early, options: [other.toa] })],
      counters: { 'toa-added': 1 },
    },
  ]);
});

test('NAT64: the MSS that the client is told is 20 less: what IPv6 costs, the way to the real server saves', () => {
  for (const [announced, told, mtu] of [
    [1460, 1440, 1500],
    [1200, 1180, 1500],
    [8960, 1440, 1500],
    [1460, 1340, 1400],
  ] as const) {
    const rig = new Rig({ topology, mtus: [1500, mtu] });
    const flow = new Flow(rig);
    flow.syn();
    const segment = (mss: number) => ({ flags: 'SA', ack: 1, options: [tcpOption.mss(mss)] });
    rig.play([
      {
        what: `MSS ${announced}`,
        in: flow.fromServer(segment(announced)),
        out: [flow.toClient(segment(told))],
        counters: { 'mss-lowered': 1 },
      },
    ]);
  }
});

test('NAT64: a full segment of a client that heeds the MSS has room for the option', () => {
  const rig = new Rig({ topology });
  const flow = new Flow(rig).half();
  const full = { flags: 'A', seq: 1, ack: 1, payload: 1440 };
  rig.play([
    {
      what: '1500 bytes on both sides',
      in: flow.client(full),
      out: [flow.toServer({ ...full, options: [flow.toa] })],
      counters: { 'toa-added': 1 },
    },
    {
      what: 'one byte more goes without',
      in: flow.client({ ...full, payload: 1441 }),
      out: [flow.toServer({ ...full, payload: 1441 })],
      counters: { 'toa-refused-mtu': 1 },
    },
  ]);
});

test("NAT64: what is too big is judged by the other family's header, and so is the MTU that is told", () => {
  const rig = new Rig({ topology, mtus: [1500, 1400] });
  const flow = new Flow(rig).settled();
  const toServer = (total: number) => ({ flags: 'A', seq: 1, ack: 2, payload: total - 60 });
  rig.play([
    { what: '1420 become 1400', in: flow.client(toServer(1420)), out: [flow.toServer(toServer(1420))] },
  ]);
  const [told] = rig.send(...flow.client(toServer(1421)));
  assert.deepEqual([told?.decoded.icmp?.type, told?.decoded.icmp?.rest], [2, 1420]);

  const other = new Rig({ topology, mtus: [1400, 1500] });
  const back = new Flow(other).settled();
  const toClient = (total: number) => ({ flags: 'A', seq: 2, ack: 1, payload: total - 40 });
  other.play([
    { what: '1380 become 1400', in: back.fromServer(toClient(1380)), out: [back.toClient(toClient(1380))] },
  ]);
  const [answer] = other.send(...back.fromServer(toClient(1381)));
  const { type, code, rest } = answer!.decoded.icmp!;
  assert.deepEqual([answer!.link, type, code, rest], [INSIDE, 3, 4, 1380]);
});

test('NAT64: an IPv6 client is never told less than 1280', () => {
  const routes = [
    { to: topology.outsideNetwork, link: 'outside' },
    { to: topology.insideNetwork, link: 'inside', mtu: 1000 },
    { to: topology.everything, link: 'outside', via: topology.gateway },
  ];
  const rig = new Rig({ topology, routes });
  const flow = new Flow(rig).settled();
  const [told] = rig.send(...flow.client({ flags: 'A', seq: 1, ack: 2, payload: 1300 }));
  assert.deepEqual([told?.decoded.icmp?.type, told?.decoded.icmp?.rest], [2, 1280]);
  const parts = rig.send(...flow.client({ flags: 'A', seq: 1, ack: 2, payload: 1220 }));
  assert.deepEqual(
    parts.map(({ decoded }) => [decoded.ip?.family, decoded.ip?.dontFragment, decoded.ip?.fragmented]),
    [
      [4, false, true],
      [4, false, true],
    ],
    'a packet of 1280 bytes is cut',
  );
});

test('NAT64: partial checksums and GSO frames stay so, in the terms of the other family', () => {
  const rig = new Rig({ topology });
  const flow = new Flow(rig).half();
  const early = { flags: 'PA', seq: 1, ack: 1, payload: 20_000 };
  const small = { flags: 'PA', seq: 20_001, ack: 1, payload: 50 };
  const answer = { flags: 'PA', seq: 1, ack: 20_051, payload: 30_000 };
  const short = { flags: 'PA', seq: 30_001, ack: 20_051, payload: 3 };
  const options = [flow.toa];
  rig.play([
    {
      what: 'a GSO frame',
      in: offloaded(flow.client(early), 1420),
      out: [offloaded(flow.toServer({ ...early, options }), 1420)],
      counters: { 'toa-added': 1 },
    },
    {
      what: 'a single segment',
      in: offloaded(flow.client(small)),
      out: [offloaded(cuttable(flow, { ...small, options }))],
      counters: { 'toa-added': 1 },
    },
    {
      what: 'a GSO frame back',
      in: offloaded(flow.fromServer(answer), 1400),
      out: [offloaded(flow.toClient(answer), 1400)],
    },
    {
      what: 'a single segment back',
      in: offloaded(flow.fromServer(short)),
      out: [offloaded(flow.toClient(short))],
    },
  ]);
});

test('NAT64: a GSO frame that would outgrow IPv4 is cut between segments', () => {
  const rig = new Rig({ topology });
  const flow = new Flow(rig).half();
  const segment = { flags: 'PA', seq: 1, ack: 1, payload: 65_500 };
  const sent = rig.send(...offloaded(flow.client(segment), 1400));
  assert.equal(sent.length, 2);
  const parts = sent.map(({ decoded }) => decoded).sort((a, b) => (a.tcp!.seq - b.tcp!.seq) | 0);
  const original = flow.client(segment)[1].bytes();
  assert.deepEqual(
    concat(...parts.map(({ tcp }) => tcp!.payload)),
    original.slice(original.length - segment.payload),
  );
  for (const { ip, tcp } of parts) {
    assert.equal(ip!.family, 4);
    assert.equal(ip!.checksumRight && tcp!.checksumRight, true);
    assert.deepEqual(tcp!.options[0]?.bytes, flow.toa);
  }
});

test("NAT64: selective acknowledgments come back in the client's sequence numbers", () => {
  const rig = new Rig({ topology });
  const flow = new Flow(rig).settled();
  const sack = (base: number) => [
    tcpOption.nop,
    tcpOption.nop,
    tcpOption.sack((base + 1401) >>> 0, (base + 2801) >>> 0),
  ];
  const segment = { flags: 'A', seq: 2, ack: 1 };
  rig.play([
    {
      what: 'SACK',
      in: flow.fromServer({ ...segment, options: sack(flow.balancerIsn) }),
      out: [flow.toClient({ ...segment, options: sack(flow.clientIsn) })],
    },
  ]);
});

test('NAT64: when an established connection expires, each side gets its reset in its own family', () => {
  const rig = new Rig({ topology });
  const flow = new Flow(rig).settled();
  const sent = rig.wait(91_000);
  const ip = { ttl: 64 };
  rig.expect('two resets', sent, [
    flow.toServer({ flags: 'R', seq: 1, window: 0, ip }),
    flow.toClient({ flags: 'R', seq: 2, window: 0, ip }),
  ]);
  assert.equal(rig.counter('reset-on-expiry'), 2);
  assert.equal(rig.balancer.connections.count, 0);
});

test('NAT64: strays and pings are answered in the family that they came in', () => {
  const rig = new Rig({ topology });
  const flow = new Flow(rig);
  const [client] = rig.send(...flow.client({ flags: 'A', seq: 5, ack: 9 }));
  assert.deepEqual([client?.decoded.ip?.family, client?.decoded.tcp?.flags], [6, 'R']);
  flow.ways.localAddress = topology.localAddresses[0]!;
  flow.ways.localPort = 5001;
  const [server] = rig.send(...flow.fromServer({ flags: 'A', seq: 5, ack: 9 }));
  assert.deepEqual([server?.decoded.ip?.family, server?.decoded.tcp?.flags], [4, 'R']);
});
