/** Packets for the model of the balancer: read into plain values, and written anew from them, checksums and all. */
import { type BuiltFrame, type PacketBuilder, packet } from '../support/packet-builder.js';
import { decodeFrame } from '../support/packet-decoder.js';
import { MACS } from '../support/topology.js';
import { addressText } from '../support/wire.js';
import type { Host } from './parties.js';
import { pieces } from './segmentation.js';

/** A frame that the model sends, and on which link. */
export type Out = readonly [link: number, frame: PacketBuilder];

/** A frame that came in. */
export interface Arrival {
  readonly link: number;
  readonly frame: BuiltFrame;
  /** What is in it. */
  readonly plain: PlainPacket;
  /** What the balancer made of it. */
  readonly sent: readonly BuiltFrame[];
}

export interface PlainPacket {
  readonly protocol: 'tcp' | 'udp';
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly toPort: number;
  readonly ttl: number;
  readonly trafficClass: number;
  /** IPv4's; IPv6 packets have 0 and true. */
  readonly id: number;
  readonly dontFragment: boolean;
  /** What the device may cut the payload into; undefined where the packet is to stay as it is. */
  readonly gsoSize?: number | undefined;
  /** TCP's; a datagram has none of them. */
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly window: number;
  /** As they stand in the header, padding included. */
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

export function readPacket(frame: BuiltFrame): PlainPacket {
  const { ip, tcp, udp, virtio } = decodeFrame(frame);
  const ports = tcp ?? udp;
  if (ip === undefined || ports === undefined) throw new Error('neither TCP nor UDP');
  return {
    protocol: tcp === undefined ? 'udp' : 'tcp',
    from: addressText(ip.from),
    fromPort: ports.from,
    to: addressText(ip.to),
    toPort: ports.to,
    ttl: ip.ttl,
    trafficClass: ip.trafficClass,
    id: ip.id,
    dontFragment: ip.dontFragment,
    ...(virtio.gsoSize > 0 && { gsoSize: virtio.gsoSize }),
    flags: tcp?.flags ?? '',
    seq: tcp?.seq ?? 0,
    ack: tcp?.ack ?? 0,
    window: tcp?.window ?? 0,
    options: tcp === undefined ? new Uint8Array() : ip.payload.slice(20, tcp.headerLength),
    payload: ports.payload,
  };
}

/** The IP packet on top of what is below. */
export function writePacket(below: PacketBuilder, plain: PlainPacket): PacketBuilder {
  const { from, to, ttl, trafficClass, id, dontFragment, gsoSize } = plain;
  const { fromPort, toPort, flags, seq, ack, window, options } = plain;
  const ip = below.ip({ from, to, ttl, trafficClass, id, dontFragment });
  const ports = { from: fromPort, to: toPort };
  const transport =
    plain.protocol === 'udp'
      ? ip.udp(ports)
      : ip.tcp({ ...ports, flags, seq, ack, window, options: [options] });
  const whole = transport.payload(plain.payload);
  return gsoSize === undefined ? whole : whole.offload({ gsoSize });
}

/** Whether a segment with these flags is the first of a connection. */
export function isOpening(flags: string): boolean {
  return flags.includes('S') && !/[ARF]/.test(flags);
}

/** The bytes of its IP header, without options and extension headers. */
export function ipHeaderOf(address: string): number {
  return address.includes(':') ? 40 : 20;
}

/** How many packets it is on the wire, the IP bytes of all of them and of the largest. */
export function sizeOf({ protocol, from, options, payload, gsoSize = payload.length || 1 }: PlainPacket) {
  const headers = ipHeaderOf(from) + (protocol === 'udp' ? 8 : 20) + options.length;
  const segments = Math.max(1, Math.ceil(payload.length / gsoSize));
  return {
    segments,
    bytes: headers * segments + payload.length,
    largest: headers + Math.min(payload.length, gsoSize),
  };
}

/** The packets that a device makes of one. */
export function segmentsOf(plain: PlainPacket): PlainPacket[] {
  const { gsoSize, ...rest } = plain;
  if (gsoSize === undefined) return [plain];
  return pieces({ ...plain, gsoSize }).map((piece, i) => ({
    ...rest,
    ...piece,
    id: plain.from.includes(':') ? 0 : plain.id + i,
  }));
}

/** A segment of the balancer's own. */
export function ownSegment(
  from: Host,
  to: Host,
  segment: Pick<PlainPacket, 'flags' | 'seq'> & Partial<PlainPacket>,
): PlainPacket {
  return {
    protocol: 'tcp',
    from: from.address,
    fromPort: from.port,
    to: to.address,
    toPort: to.port,
    ttl: 64,
    trafficClass: 0,
    id: 0,
    dontFragment: true,
    ack: 0,
    window: 0,
    options: new Uint8Array(),
    payload: new Uint8Array(),
    ...segment,
  };
}

/** The answer to a segment that nobody here knows (RFC 9293 3.10.7.1). */
export function resetFor({ from, fromPort, to, toPort, flags, seq, ack, payload }: PlainPacket): PlainPacket {
  const reset = (fields: Parameters<typeof ownSegment>[2]) =>
    ownSegment({ address: to, port: toPort }, { address: from, port: fromPort }, fields);
  if (flags.includes('A')) return reset({ flags: 'R', seq: ack });
  const occupied = payload.length + Number(flags.includes('S')) + Number(flags.includes('F'));
  return reset({ flags: 'RA', seq: 0, ack: (seq + occupied) >>> 0 });
}

/** Type and code over IPv4, type and code over IPv6. */
const ERRORS = {
  'port-unreachable': [3, 3, 1, 4],
  'time-exceeded': [11, 0, 3, 0],
  'too-big': [3, 4, 2, 0],
} as const;
export type IcmpErrorName = keyof typeof ERRORS;

/** An ICMP error about a packet, to where it came from on a link. @param mtu for `too-big` */
export function icmpError(
  name: IcmpErrorName,
  link: number,
  { bytes }: BuiltFrame,
  mtu: number,
): PacketBuilder {
  const { from, ip } = decodeFrame({ bytes, virtio: new Uint8Array(10) });
  const [type4, code4, type6, code6] = ERRORS[name];
  const ipv4 = ip!.family === 4;
  const rest = name === 'too-big' ? mtu : 0;
  return packet()
    .ethernet({ from: MACS.balancer[link]!, to: from })
    .ip({ from: ip!.to, to: ip!.from, ttl: 64 })
    .icmp(ipv4 ? { type: type4, code: code4, rest } : { type: type6, code: code6, rest })
    .payload(bytes.slice(14, 14 + (ipv4 ? 548 : 1232)));
}

/** An option list with some options blanked, and how many. */
export function blanked(options: Uint8Array, isUnwanted: (kind: number, length: number) => boolean) {
  const left = options.slice();
  let count = 0;
  for (let at = 0; at < options.length && options[at] !== 0; ) {
    const length = options[at] === 1 ? 1 : options[at + 1]!;
    if (options[at] !== 1 && isUnwanted(options[at]!, length)) {
      left.fill(1, at, at + length);
      count++;
    }
    at += length;
  }
  return { options: left, count };
}
