/** Reads frames back, and says in one line what they are. Shares no code with `lib/net`. */
import type { BuiltFrame } from './packet-builder.js';
import { decodeTcp, type TcpSegment, tcpChecksumRight } from './tcp-segment.js';
import { decodeVirtio, VIRTIO } from './virtio-header.js';
import {
  addressText,
  concat,
  hostPortText,
  internetChecksum,
  macText,
  onesSum,
  PROTOCOL,
  pseudoHeader,
  readU16,
  readU32,
} from './wire.js';

export interface DecodedIp {
  readonly family: 4 | 6;
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly ttl: number;
  readonly trafficClass: number;
  /** The transport protocol, extension headers skipped. */
  readonly protocol: number;
  /** IPv6: the extension headers' types. */
  readonly extensions: readonly number[];
  readonly id: number;
  readonly dontFragment: boolean;
  readonly fragmented: boolean;
  /** The length that the header gives, header included. */
  readonly totalLength: number;
  readonly checksumRight: boolean;
  /** What follows the headers, cut at `totalLength`. */
  readonly payload: Uint8Array;
}

export interface DecodedArp {
  readonly operation: 'request' | 'reply';
  readonly senderMac: string;
  readonly sender: string;
  readonly targetMac: string;
  readonly target: string;
}

export interface DecodedIcmp {
  readonly type: number;
  readonly code: number;
  readonly rest: number;
  readonly body: Uint8Array;
  readonly checksumRight: boolean;
}

export interface DecodedFrame {
  readonly from: string;
  readonly to: string;
  readonly etherType: number;
  readonly virtio: ReturnType<typeof decodeVirtio>;
  readonly arp?: DecodedArp;
  readonly ip?: DecodedIp;
  readonly tcp?: TcpSegment & { readonly checksumRight: boolean };
  readonly icmp?: DecodedIcmp;
  readonly udp?: {
    readonly from: number;
    readonly to: number;
    readonly payload: Uint8Array;
    readonly checksum: number;
    readonly checksumRight: boolean;
  };
  /** The packet inside of a tunnel's. */
  readonly inner?: DecodedPacket;
}

export type DecodedPacket = Pick<DecodedFrame, 'ip' | 'tcp' | 'udp' | 'icmp' | 'inner'>;

/** Reads a frame as far as it makes sense. */
export function decodeFrame({ bytes, virtio: header }: BuiltFrame): DecodedFrame {
  const virtio = decodeVirtio(header);
  const frame = {
    to: macText(bytes.subarray(0, 6)),
    from: macText(bytes.subarray(6, 12)),
    etherType: bytes.length >= 14 ? readU16(bytes, 12) : -1,
    virtio,
  };
  const rest = bytes.subarray(14);
  if (frame.etherType === 0x0806 && rest.length >= 28) return { ...frame, arp: decodeArp(rest) };
  const ip = decodeIp(rest);
  if (ip === undefined || ip.fragmented) return ip === undefined ? frame : { ...frame, ip };
  return { ...frame, ip, ...decodeTransport(ip, (virtio.flags & VIRTIO.needsChecksum) !== 0) };
}

/** Reads an IP packet; `undefined` when it is none or is cut off before its header ends. */
export function decodeIp(bytes: Uint8Array): DecodedIp | undefined {
  if (bytes[0] !== undefined && bytes[0] >> 4 === 4 && bytes.length >= 20) return decodeIpv4(bytes);
  if (bytes[0] !== undefined && bytes[0] >> 4 === 6 && bytes.length >= 40) return decodeIpv6(bytes);
  return undefined;
}

function decodeTransport(ip: DecodedIp, partial: boolean): DecodedPacket {
  const { payload, from, to } = ip;
  if (ip.protocol === PROTOCOL.ipip || ip.protocol === PROTOCOL.ipv6) {
    const inner = decodeIp(payload);
    if (inner === undefined || inner.fragmented) return inner === undefined ? {} : { inner: { ip: inner } };
    return { inner: { ip: inner, ...decodeTransport(inner, partial) } };
  }
  if (ip.protocol === PROTOCOL.tcp) {
    const tcp = decodeTcp(payload);
    const checksumRight = tcp !== undefined && tcpChecksumRight(payload, from, to, partial);
    return tcp === undefined ? {} : { tcp: { ...tcp, checksumRight } };
  }
  if (ip.protocol === PROTOCOL.udp && payload.length >= 8) {
    const checksum = readU16(payload, 6);
    return {
      udp: {
        from: readU16(payload, 0),
        to: readU16(payload, 2),
        payload: payload.slice(8),
        checksum,
        checksumRight: udpChecksumRight(payload, checksum, ip, partial),
      },
    };
  }
  if ((ip.protocol === PROTOCOL.icmp || ip.protocol === PROTOCOL.icmpv6) && payload.length >= 8) {
    const pseudo =
      ip.family === 4 ? new Uint8Array() : pseudoHeader(from, to, PROTOCOL.icmpv6, payload.length);
    const checksumRight = internetChecksum(concat(pseudo, payload)) === 0;
    const [type = 0, code = 0] = payload;
    return { icmp: { type, code, rest: readU32(payload, 4), body: payload.slice(8), checksumRight } };
  }
  return {};
}

/** 0 says that there is none, which IPv6 does not allow (RFC 8200 8.1). */
function udpChecksumRight(datagram: Uint8Array, checksum: number, ip: DecodedIp, partial: boolean): boolean {
  const pseudo = pseudoHeader(ip.from, ip.to, PROTOCOL.udp, datagram.length);
  if (partial) return checksum === onesSum(pseudo);
  return checksum === 0 ? ip.family === 4 : internetChecksum(concat(pseudo, datagram)) === 0;
}

function decodeArp(bytes: Uint8Array): DecodedArp {
  return {
    operation: bytes[7] === 1 ? 'request' : 'reply',
    senderMac: macText(bytes.subarray(8, 14)),
    sender: addressText(bytes.subarray(14, 18)),
    targetMac: macText(bytes.subarray(18, 24)),
    target: addressText(bytes.subarray(24, 28)),
  };
}

function decodeIpv4(bytes: Uint8Array): DecodedIp {
  const headerLength = (bytes[0]! & 15) * 4;
  const totalLength = readU16(bytes, 2);
  return {
    family: 4,
    from: bytes.slice(12, 16),
    to: bytes.slice(16, 20),
    ttl: bytes[8]!,
    trafficClass: bytes[1]!,
    protocol: bytes[9]!,
    extensions: [],
    id: readU16(bytes, 4),
    dontFragment: (bytes[6]! & 0x40) !== 0,
    fragmented: (readU16(bytes, 6) & 0x3fff) !== 0,
    totalLength,
    checksumRight: internetChecksum(bytes.subarray(0, headerLength)) === 0,
    payload: bytes.slice(headerLength, totalLength),
  };
}

function decodeIpv6(bytes: Uint8Array): DecodedIp {
  const totalLength = 40 + readU16(bytes, 4);
  const extensions: number[] = [];
  let protocol = bytes[6]!;
  let at = 40;
  while ([0, 43, 44, 60].includes(protocol) && at + 8 <= bytes.length) {
    extensions.push(protocol);
    const length = protocol === 44 ? 8 : 8 + bytes[at + 1]! * 8;
    protocol = bytes[at]!;
    at += length;
  }
  return {
    family: 6,
    from: bytes.slice(8, 24),
    to: bytes.slice(24, 40),
    ttl: bytes[7]!,
    trafficClass: ((bytes[0]! & 15) << 4) | (bytes[1]! >> 4),
    protocol,
    extensions,
    id: 0,
    dontFragment: true,
    fragmented: extensions.includes(44),
    totalLength,
    checksumRight: true,
    payload: bytes.slice(at, totalLength),
  };
}

/** One readable line for a frame, with everything that is odd about it. */
export function describe(built: BuiltFrame): string {
  const frame = decodeFrame(built);
  const line = `${frame.from} > ${frame.to} ${describeContent(frame, built.bytes)}`;
  const { flags, gsoType, gsoSize, headerLength, checksumStart, checksumOffset } = frame.virtio;
  if ((flags | gsoType | gsoSize | headerLength | checksumStart | checksumOffset) === 0) return line;
  const gso = gsoType === 0 ? '' : ` gso ${gsoType} size ${gsoSize} headers ${headerLength}`;
  return `${line} {flags ${flags} checksum ${checksumStart}+${checksumOffset}${gso}}`;
}

function describeContent(frame: DecodedFrame, bytes: Uint8Array): string {
  const { etherType, arp, ip } = frame;
  if (arp?.operation === 'request') return `ARP who-has ${arp.target} tell ${arp.sender} (${arp.senderMac})`;
  if (arp !== undefined)
    return `ARP ${arp.sender} is-at ${arp.senderMac} for ${arp.target} (${arp.targetMac})`;
  if (ip === undefined) return `type ${etherType.toString(16)}, ${bytes.length} bytes`;
  const excess = bytes.length - 14 - ip.totalLength;
  return describePacket(frame, ip, excess);
}

/** @param excess the bytes that follow the packet in its frame */
function describePacket({ tcp, icmp, udp, inner }: DecodedPacket, ip: DecodedIp, excess = 0): string {
  const remarks = [`ttl ${ip.ttl}`];
  if (ip.extensions.length > 0) remarks.push(`extensions ${ip.extensions.join(',')}`);
  if (ip.fragmented) remarks.push('fragment');
  if (ip.family === 4 && !ip.dontFragment) remarks.push('may fragment');
  if (!ip.checksumRight) remarks.push('BAD IP CHECKSUM');
  if (excess !== 0) remarks.push(excess > 0 ? `${excess} bytes behind` : `${-excess} BYTES MISSING`);
  const ends = (from?: number, to?: number) =>
    from === undefined || to === undefined
      ? `${addressText(ip.from)} > ${addressText(ip.to)}`
      : `${hostPortText({ address: ip.from, port: from })} > ${hostPortText({ address: ip.to, port: to })}`;
  const tail = `(${remarks.join(', ')})`;
  if (tcp !== undefined) return `IP${ip.family} ${ends(tcp.from, tcp.to)} ${describeTcp(tcp)} ${tail}`;
  if (udp !== undefined)
    return `IP${ip.family} ${ends(udp.from, udp.to)} UDP ${udp.payload.length} bytes${udp.checksumRight ? '' : ' BAD UDP CHECKSUM'} ${tail}`;
  if (inner?.ip !== undefined)
    return `IP${ip.family} ${ends()} ${tail} around ${describePacket(inner, inner.ip)}`;
  if (icmp !== undefined) return `IP${ip.family} ${ends()} ${describeIcmp(icmp, ip.family)} ${tail}`;
  return `IP${ip.family} ${ends()} protocol ${ip.protocol}, ${ip.payload.length} bytes ${tail}`;
}

/** A TCP segment without its addresses, e.g. `[SA] seq 1 ack 2 win 65535 <mss 1460> 0 bytes`. */
export function describeTcp(tcp: TcpSegment & { checksumRight?: boolean }): string {
  const options = tcp.options.map(describeOption).join(', ');
  return [
    `[${tcp.flags}] seq ${tcp.seq} ack ${tcp.ack} win ${tcp.window}`,
    `header ${tcp.headerLength}${options === '' ? '' : ` <${options}>`}`,
    `${tcp.payload.length} bytes`,
    ...(tcp.checksumRight === false ? ['BAD TCP CHECKSUM'] : []),
  ].join(' ');
}

function describeOption({ kind, bytes }: { kind: number; bytes: Uint8Array }): string {
  if (kind === 2 && bytes.length === 4) return `mss ${readU16(bytes, 2)}`;
  if (kind === 3 && bytes.length === 3) return `wscale ${bytes[2]}`;
  if (kind === 4) return 'sackOK';
  if (kind === 5) {
    const edges = Array.from({ length: (bytes.length - 2) / 4 }, (_, i) => readU32(bytes, 2 + 4 * i));
    return `sack ${edges.join(' ')}`;
  }
  if (kind === 8 && bytes.length === 10) return `TS ${readU32(bytes, 2)} ${readU32(bytes, 6)}`;
  if (bytes.length === 8 || bytes.length === 20)
    return `${kind} ${hostPortText({ address: bytes.slice(4), port: readU16(bytes, 2) })}`;
  return `${kind} ${Buffer.from(bytes.subarray(2)).toString('hex')}`;
}

function describeIcmp(icmp: DecodedIcmp, family: 4 | 6): string {
  const bad = icmp.checksumRight ? '' : ' BAD ICMP CHECKSUM';
  if (family === 6 && (icmp.type === 135 || icmp.type === 136) && icmp.body.length >= 16) {
    const name = icmp.type === 135 ? 'solicits' : `advertises (flags ${(icmp.rest >>> 29).toString(2)})`;
    const option = icmp.body.length >= 24 ? ` ${macText(icmp.body.subarray(18, 24))}` : '';
    return `neighbor ${name} ${addressText(icmp.body.slice(0, 16))}${option}${bad}`;
  }
  const about = decodeIp(icmp.body);
  const inner = about === undefined ? '' : ` about ${addressText(about.from)} > ${addressText(about.to)}`;
  return `ICMP type ${icmp.type} code ${icmp.code} rest ${icmp.rest}${inner}${bad}`;
}
