import { finish, fold, halves } from './checksum.js';

/** IPv4 (RFC 791): offsets from the header's first byte. */
export const IPV4_HEADER = 20;
/** Every link carries packets of this size (RFC 791): no path has a smaller MTU. */
export const IPV4_MIN_MTU = 68;
export const IPV4_TOTAL_LENGTH = 2;
export const IPV4_ID = 4;
export const IPV4_FRAGMENT = 6;
export const IPV4_TTL = 8;
export const IPV4_PROTOCOL = 9;
export const IPV4_CHECKSUM = 10;
export const IPV4_SOURCE = 12;
export const IPV4_DESTINATION = 16;

export const IPV4_OPTION_LOOSE_SOURCE_ROUTE = 131;
export const IPV4_OPTION_STRICT_SOURCE_ROUTE = 137;

/** The bit of an option's kind that wants it in every fragment. */
export const IPV4_OPTION_COPIED = 0x80;

export const IPV4_DONT_FRAGMENT = 0x4000;
export const IPV4_MORE_FRAGMENTS = 0x2000;
/** Of the offset, in units of 8 bytes. */
export const IPV4_OFFSET_MASK = 0x1fff;
/** More Fragments or a non-zero offset: the packet is a fragment. */
export const IPV4_IS_FRAGMENT = 0x3fff;

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_IPIP = 4;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_IPV6 = 41;

/** Whether the header's checksum is right; `length` is the header's, 20 to 60 bytes. */
export function ipv4ChecksumValid(view: DataView, at: number, length: number): boolean {
  let sum = 0;
  for (let i = at; i < at + length; i += 4) sum += halves(view.getInt32(i));
  return fold(sum) === 0xffff;
}

/**
 * Writes a 20-byte header with its checksum.
 * @param source, destination int32 in network order
 * @param idAndFragment the id in the high 16 bits; without any: Don't Fragment, and id 0
 */
export function writeIpv4(
  view: DataView,
  at: number,
  totalLength: number,
  ttl: number,
  protocol: number,
  source: number,
  destination: number,
  trafficClass = 0,
  idAndFragment = IPV4_DONT_FRAGMENT,
): void {
  const first = (0x4500 << 16) | (trafficClass << 16) | (totalLength & 0xffff);
  const ttlAndProtocol = (ttl << 8) | protocol;
  view.setInt32(at, first);
  view.setInt32(at + IPV4_ID, idAndFragment);
  view.setUint16(at + IPV4_TTL, ttlAndProtocol);
  view.setInt32(at + IPV4_SOURCE, source);
  view.setInt32(at + IPV4_DESTINATION, destination);
  const sum = halves(first) + halves(idAndFragment) + ttlAndProtocol + halves(source) + halves(destination);
  view.setUint16(at + IPV4_CHECKSUM, finish(sum));
}
