import { copySumming, finish, sumWords } from './checksum.js';
import {
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_ID,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  PROTOCOL_TCP,
} from './ipv4.js';
import { IPV6_HEADER, IPV6_PAYLOAD_LENGTH, IPV6_SOURCE } from './ipv6.js';
import { CWR, FIN, PSH, TCP_CHECKSUM, TCP_FLAGS, TCP_SEQUENCE } from './tcp.js';

/** A TCP packet in a buffer, and where its parts are: offsets, and lengths in bytes. */
export interface TcpPacket {
  readonly view: DataView;
  /** 4 or 6. */
  readonly family: number;
  /** Offset of the IP header. */
  readonly l3: number;
  /** Offset of the TCP header, behind options and extension headers. */
  readonly l4: number;
  /** Bytes of the TCP header with its options. */
  readonly l4Length: number;
  /** Bytes behind the TCP header. */
  readonly payload: number;
  /** Payload bytes of each segment but the last. */
  readonly gsoSize: number;
}

/**
 * Software segmentation: writes one segment of a GSO packet, from its IP header on, as a device would (Linux
 * tcp_gso_segment, inet_gso_segment). Every segment repeats all headers; IPv4 ids count up; CWR is the first segment's
 * alone, FIN and PSH the last one's; checksums are computed whole, whatever the packet's field held.
 * @param index 0 to ceil(payload / gsoSize) - 1
 * @param to, at where the segment goes: another buffer
 * @returns the segment's length, IP header included
 */
export function writeSegment(packet: TcpPacket, index: number, to: DataView, at: number): number {
  const { view, l3, l4, l4Length, gsoSize } = packet;
  const headers = l4 + l4Length - l3;
  const offset = index * gsoSize;
  const payload = Math.min(gsoSize, packet.payload - offset);
  const length = headers + payload;
  copySumming(view, l3, to, at, headers);
  const payloadSum = copySumming(view, l3 + headers + offset, to, at + headers, payload);

  if (packet.family === 4) {
    to.setUint16(at + IPV4_TOTAL_LENGTH, length);
    to.setUint16(at + IPV4_ID, view.getUint16(l3 + IPV4_ID) + index);
    to.setUint16(at + IPV4_CHECKSUM, 0);
    to.setUint16(at + IPV4_CHECKSUM, finish(sumWords(to, at, l4 - l3)));
  } else {
    to.setUint16(at + IPV6_PAYLOAD_LENGTH, length - IPV6_HEADER);
  }

  const tcp = at + l4 - l3;
  to.setInt32(tcp + TCP_SEQUENCE, view.getInt32(l4 + TCP_SEQUENCE) + offset);
  const notFirst = index === 0 ? 0 : CWR;
  const notLast = offset + payload === packet.payload ? 0 : FIN | PSH;
  to.setUint8(tcp + TCP_FLAGS, view.getUint8(l4 + TCP_FLAGS) & ~(notFirst | notLast));
  to.setUint16(tcp + TCP_CHECKSUM, 0);
  const pseudoSum = tcpPseudoSum(to, at, packet.family, l4Length + payload);
  to.setUint16(tcp + TCP_CHECKSUM, finish(pseudoSum + sumWords(to, tcp, l4Length) + payloadSum));
  return length;
}

/** The unfolded sum of TCP's pseudo-header (RFC 9293 3.1) for a segment of `length` bytes, header included. */
export function tcpPseudoSum(view: DataView, l3: number, family: number, length: number): number {
  const addresses =
    family === 4
      ? sumWords(view, l3 + IPV4_SOURCE, IPV4_DESTINATION + 4 - IPV4_SOURCE)
      : sumWords(view, l3 + IPV6_SOURCE, IPV6_HEADER - IPV6_SOURCE);
  return addresses + PROTOCOL_TCP + length;
}
