/** IPv6 (RFC 8200): offsets from the header's first byte. */
export const IPV6_HEADER = 40;
/** Every link carries packets of this size (RFC 8200 5): no path has a smaller MTU. */
export const IPV6_MIN_MTU = 1280;
export const IPV6_PAYLOAD_LENGTH = 4;
export const IPV6_NEXT_HEADER = 6;
export const IPV6_HOP_LIMIT = 7;
export const IPV6_SOURCE = 8;
export const IPV6_DESTINATION = 24;
/** Of a routing header: how many more stations it names. */
export const ROUTING_SEGMENTS_LEFT = 3;

/** The fragment header (RFC 8200 4.5): offset in bytes, its low three bits are flags. */
export const FRAGMENT_HEADER = 8;
export const FRAGMENT_OFFSET = 2;
export const FRAGMENT_ID = 4;
/** An offset or the flag for more: the packet is in parts. */
export const FRAGMENT_IS_PART = 0xfff9;
export const FRAGMENT_OFFSET_MASK = 0xfff8;
export const FRAGMENT_MORE = 1;

export const NEXT_HOP_BY_HOP = 0;
export const NEXT_ROUTING = 43;
export const NEXT_FRAGMENT = 44;
export const NEXT_ICMPV6 = 58;
export const NEXT_DESTINATION_OPTIONS = 60;

/** Whether `next` is an extension header that has the common `next, length in 8 bytes - 1` start and can be skipped. */
export function isSkippableExtension(next: number): boolean {
  return next === NEXT_HOP_BY_HOP || next === NEXT_DESTINATION_OPTIONS || next === NEXT_ROUTING;
}

/** Writes a 40-byte header; addresses as four int32 words each, in network order. */
export function writeIpv6(
  view: DataView,
  at: number,
  payloadLength: number,
  nextHeader: number,
  hopLimit: number,
  source: Int32Array,
  destination: Int32Array,
): void {
  writeIpv6Start(view, at, payloadLength, nextHeader, hopLimit);
  writeIpv6Address(view, at + IPV6_SOURCE, source, 0);
  writeIpv6Address(view, at + IPV6_DESTINATION, destination, 0);
}

/** The same, with the addresses at `source` and `destination` of `words`. */
export function writeIpv6At(
  view: DataView,
  at: number,
  payloadLength: number,
  nextHeader: number,
  hopLimit: number,
  words: Int32Array,
  source: number,
  destination: number,
): void {
  writeIpv6Start(view, at, payloadLength, nextHeader, hopLimit);
  writeIpv6Address(view, at + IPV6_SOURCE, words, source);
  writeIpv6Address(view, at + IPV6_DESTINATION, words, destination);
}

/** Writes the address whose four words stand at `from` of `words`. */
export function writeIpv6Address(view: DataView, at: number, words: Int32Array, from: number): void {
  view.setInt32(at, words[from]!);
  view.setInt32(at + 4, words[from + 1]!);
  view.setInt32(at + 8, words[from + 2]!);
  view.setInt32(at + 12, words[from + 3]!);
}

function writeIpv6Start(
  view: DataView,
  at: number,
  payloadLength: number,
  nextHeader: number,
  hopLimit: number,
): void {
  view.setInt32(at, 0x6000_0000);
  view.setUint16(at + IPV6_PAYLOAD_LENGTH, payloadLength);
  view.setUint8(at + IPV6_NEXT_HEADER, nextHeader);
  view.setUint8(at + IPV6_HOP_LIMIT, hopLimit);
}
