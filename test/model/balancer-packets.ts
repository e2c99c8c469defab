/** Packets for the model of the balancer: read into plain values, and written anew from them, checksums and all. */
import { type BuiltFrame, type PacketBuilder, packet } from '../support/packet-builder.js';
import { decodeFrame } from '../support/packet-decoder.js';
import { MACS } from '../support/topology.js';
import { addressText } from '../support/wire.js';

export interface PlainPacket {
  readonly protocol: 'tcp' | 'udp';
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly toPort: number;
  readonly ttl: number;
  readonly trafficClass: number;
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
  const { ip, tcp, udp } = decodeFrame(frame);
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
  const { from, to, ttl, trafficClass, fromPort, toPort, flags, seq, ack, window, options } = plain;
  const ip = below.ip({ from, to, ttl, trafficClass });
  const ports = { from: fromPort, to: toPort };
  const transport =
    plain.protocol === 'udp'
      ? ip.udp(ports)
      : ip.tcp({ ...ports, flags, seq, ack, window, options: [options] });
  return transport.payload(plain.payload);
}

/** A segment of the balancer's own that says that there is no connection. */
export function resetBetween(plain: Pick<PlainPacket, 'from' | 'fromPort' | 'to' | 'toPort'>) {
  return {
    ...plain,
    protocol: 'tcp' as const,
    ttl: 64,
    trafficClass: 0,
    window: 0,
    options: new Uint8Array(),
    payload: new Uint8Array(),
  };
}

/** The answer to a segment that nobody here knows (RFC 9293 3.10.7.1). */
export function resetFor({ from, fromPort, to, toPort, flags, seq, ack, payload }: PlainPacket): PlainPacket {
  const back = resetBetween({ from: to, fromPort: toPort, to: from, toPort: fromPort });
  if (flags.includes('A')) return { ...back, flags: 'R', seq: ack, ack: 0 };
  const occupied = payload.length + Number(flags.includes('S')) + Number(flags.includes('F'));
  return { ...back, flags: 'RA', seq: 0, ack: (seq + occupied) >>> 0 };
}

/** ICMP port unreachable about a packet, to where it came from on a link. */
export function unreachable(link: number, { bytes }: BuiltFrame): PacketBuilder {
  const { from, ip } = decodeFrame({ bytes, virtio: new Uint8Array(10) });
  const ipv4 = ip!.family === 4;
  return packet()
    .ethernet({ from: MACS.balancer[link]!, to: from })
    .ip({ from: ip!.to, to: ip!.from, ttl: 64 })
    .icmp(ipv4 ? { type: 3, code: 3 } : { type: 1, code: 4 })
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
