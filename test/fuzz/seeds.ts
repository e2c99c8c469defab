import { fragmentsOf } from '../model/fragmentation.js';
import type { Flow } from '../support/flow.js';
import { type BuiltFrame, type PacketBuilder, packet, pattern } from '../support/packet-builder.js';
import { neighborReply } from '../support/rig.js';
import { tcpOption } from '../support/tcp-segment.js';
import { INSIDE, MACS, OUTSIDE, type Topology } from '../support/topology.js';

/** Sound frames of every sort that the balancer handles, to be mutated. */
export function seeds(topology: Topology, flow: Flow): (readonly [number, BuiltFrame])[] {
  const options = [flow.toa, tcpOption.sack(1, 2, 3, 4), tcpOption.nop, tcpOption.nop];
  const outside = packet().ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] });
  const [lip] = topology.localAddresses as [string];
  const ends = { from: topology.gateway, to: topology.vip };
  const frames = [
    flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 40, options }),
    flow.client({
      flags: 'S',
      options: [tcpOption.mss(1460), tcpOption.timestamps(1, 0), tcpOption.fastOpen(new Uint8Array(8))],
    }),
    flow.fromServer({ flags: 'SA', ack: 1, options: [tcpOption.mss(1460)] }),
    flow.fromServer({
      flags: 'PA',
      seq: 1,
      ack: 41,
      payload: 40,
      options: [tcpOption.sack(1, 2), tcpOption.nop],
    }),
    [
      OUTSIDE,
      flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 9000 })[1].offload({ gsoSize: 1400 }),
    ] as const,
    [INSIDE, neighborReply(INSIDE, topology.realServers[0]!, MACS.server(0), lip)] as const,
    [
      OUTSIDE,
      outside
        .ip(ends)
        .icmp({ type: topology.family === 4 ? 8 : 128 })
        .payload(30),
    ] as const,
    [OUTSIDE, outside.ip(ends).udp({ from: 1, to: 2 }).payload(30)] as const,
    errorAbout(topology, flow.toServer({ flags: 'PA', seq: 1, ack: 1, payload: 40, options }), INSIDE),
    errorAbout(topology, flow.toClient({ flags: 'PA', seq: 1, ack: 41, payload: 40 }), OUTSIDE),
  ];
  const datagram = { below: outside, from: flow.clientAddress, to: topology.vip, id: 7, body: pattern(80) };
  for (const fragment of fragmentsOf(datagram, 40)) frames.push([OUTSIDE, fragment]);
  if (topology.family === 4) {
    const sender = { senderMac: MACS.gateway, sender: topology.gateway };
    frames.push([OUTSIDE, outside.arp({ operation: 'request', ...sender, target: topology.vip })]);
    const options = Uint8Array.of(0x94, 4, 0, 0);
    frames.push([OUTSIDE, outside.ip({ ...ends, options }).tcp({ from: 1, to: 80, flags: 'S' })]);
  } else {
    const ip = outside.ip({ ...ends, ttl: 255 });
    frames.push([OUTSIDE, ip.neighborSolicitation({ target: topology.vip, sourceMac: MACS.gateway })]);
    frames.push([OUTSIDE, ip.extension(0).extension(60).tcp({ from: 1, to: 80, flags: 'S' })]);
  }
  return frames.map(([link, frame]) => [link, frame.build()] as const);
}

/** And of what passes by where the balancer shakes hands first. */
export function handshakeSeeds(flow: Flow): (readonly [number, BuiltFrame])[] {
  const stamps = [tcpOption.nop, tcpOption.nop, tcpOption.timestamps(7, 8)];
  const syn = [tcpOption.mss(1460), tcpOption.sackPermitted, tcpOption.timestamps(7, 0), tcpOption.nop];
  const options = [...syn, tcpOption.windowScale(7)];
  return [
    flow.client({ flags: 'S', options }),
    flow.client({ flags: 'A', seq: 1, ack: 1 }),
    flow.client({ flags: 'A', seq: 1, ack: 1, options: stamps }),
    flow.client({ flags: 'R', seq: 1 }),
    flow.fromServer({ flags: 'SA', ack: 1, options }),
    flow.fromServer({ flags: 'RA', ack: 1 }),
    flow.fromServer({ flags: 'A', seq: 1, ack: 1, options: stamps }),
  ].map(([link, frame]) => [link, frame.build()] as const);
}

/** A router's error about a packet of the balancer's. */
function errorAbout({ family }: Topology, [, built]: readonly [number, PacketBuilder], link: 0 | 1) {
  const about = built.bytes().slice(14);
  const to = family === 4 ? about.slice(12, 16) : about.slice(8, 24);
  const from = family === 4 ? '192.0.2.99' : '2001:db8:99::1';
  const ethernet = packet().ethernet({ from: MACS.gateway, to: MACS.balancer[link] });
  const kind = family === 4 ? { type: 3, code: 4 } : { type: 2 };
  return [
    link,
    ethernet
      .ip({ from, to })
      .icmp({ ...kind, rest: 1300 })
      .payload(about),
  ] as const;
}
