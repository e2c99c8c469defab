import { copySumming, finish, sumWords } from './checksum.js';
import {
  IPV4_CHECKSUM,
  IPV4_DONT_FRAGMENT,
  IPV4_FRAGMENT,
  IPV4_HEADER,
  IPV4_ID,
  IPV4_MORE_FRAGMENTS,
  IPV4_OPTION_COPIED,
  IPV4_TOTAL_LENGTH,
} from './ipv4.js';
import {
  FRAGMENT_HEADER,
  FRAGMENT_ID,
  FRAGMENT_MORE,
  FRAGMENT_OFFSET,
  IPV6_HEADER,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  isSkippableExtension,
  NEXT_DESTINATION_OPTIONS,
  NEXT_FRAGMENT,
  NEXT_ROUTING,
} from './ipv6.js';
import { OPTION_NOP, optionLength } from './tcp.js';

/**
 * Bytes of headers that every fragment of the packet repeats: IPv4's with its options, IPv6's with the extension
 * headers for stations on the way (RFC 8200 4.5).
 */
export function repeatedHeaders(view: DataView, l3: number, family: number): number {
  if (family === 4) return (view.getUint8(l3) & 15) << 2;
  let length = IPV6_HEADER;
  let next = view.getUint8(l3 + IPV6_NEXT_HEADER);
  let routed = false;
  // Destination options behind a routing header are for the last station alone, as Linux's ip6_find_1stfragopt has it.
  while (isSkippableExtension(next) && !(routed && next === NEXT_DESTINATION_OPTIONS)) {
    routed ||= next === NEXT_ROUTING;
    next = view.getUint8(l3 + length);
    length += (view.getUint8(l3 + length + 1) + 1) << 3;
  }
  return length;
}

/**
 * Payload bytes that each fragment but the last carries where packets may have `size` bytes: a multiple of 8.
 * Below 8 the packet cannot be cut.
 */
export function fragmentPayload(headers: number, family: number, size: number): number {
  return (size - headers - (family === 4 ? 0 : FRAGMENT_HEADER)) & ~7;
}

/** A packet in a buffer, and how it is cut into fragments. */
export interface CutPacket {
  readonly view: DataView;
  /** 4 or 6. */
  readonly family: number;
  /** Offset of the IP header. */
  readonly l3: number;
  /** Bytes, IP header included. */
  readonly length: number;
  /** From `repeatedHeaders`. */
  readonly headers: number;
  /** From `fragmentPayload`, 8 or more. */
  readonly payload: number;
  /** The same for all fragments of a packet: 16 bits for IPv4, 32 for IPv6. */
  readonly id: number;
}

/** How many fragments the packet becomes. */
export function fragmentCount({ length, headers, payload }: CutPacket): number {
  return Math.ceil((length - headers) / payload);
}

/**
 * Writes one fragment of a packet, from its IP header on. A DF that the packet has stays. IPv4 options that are not to
 * be copied (RFC 791 3.1) are NOPs in all fragments but the first, as Linux has them, so that all headers have one length.
 * @param index 0 to `fragmentCount` - 1
 * @param bytes, to, at where the fragment goes: another buffer, in both its forms
 * @returns the fragment's length, IP header included
 */
export function writeFragment(
  packet: CutPacket,
  index: number,
  bytes: Uint8Array,
  to: DataView,
  at: number,
): number {
  const { view, l3, headers, id } = packet;
  const offset = index * packet.payload;
  const rest = packet.length - headers - offset;
  const payload = Math.min(packet.payload, rest);
  const more = payload < rest;
  copySumming(view, l3, to, at, headers);
  if (packet.family === 4) {
    copySumming(view, l3 + headers + offset, to, at + headers, payload);
    if (index > 0) blankUncopiedOptions(bytes, at + IPV4_HEADER, at + headers);
    const dontFragment = view.getUint16(l3 + IPV4_FRAGMENT) & IPV4_DONT_FRAGMENT;
    to.setUint16(at + IPV4_TOTAL_LENGTH, headers + payload);
    to.setUint16(at + IPV4_ID, id);
    to.setUint16(at + IPV4_FRAGMENT, dontFragment | (more ? IPV4_MORE_FRAGMENTS : 0) | (offset >> 3));
    to.setUint16(at + IPV4_CHECKSUM, 0);
    to.setUint16(at + IPV4_CHECKSUM, finish(sumWords(to, at, headers)));
    return headers + payload;
  }
  const fragment = at + headers;
  copySumming(view, l3 + headers + offset, to, fragment + FRAGMENT_HEADER, payload);
  const field = at + nextHeaderField(view, l3, headers);
  to.setUint8(fragment, to.getUint8(field));
  to.setUint8(field, NEXT_FRAGMENT);
  to.setUint8(fragment + 1, 0);
  to.setUint16(fragment + FRAGMENT_OFFSET, offset | (more ? FRAGMENT_MORE : 0));
  to.setInt32(fragment + FRAGMENT_ID, id);
  to.setUint16(at + IPV6_PAYLOAD_LENGTH, headers + FRAGMENT_HEADER + payload - IPV6_HEADER);
  return headers + FRAGMENT_HEADER + payload;
}

/**
 * Turns a first fragment's IPv4 header into that of the whole packet.
 * @param headers bytes of the header with its options @param payload bytes of the packet behind it
 * @param congestion whether a router marked a fragment (ECN's CE, RFC 3168 5.3)
 */
export function unfragmentIpv4(
  view: DataView,
  l3: number,
  headers: number,
  payload: number,
  dontFragment: boolean,
  congestion: boolean,
): void {
  if (congestion) view.setUint8(l3 + 1, view.getUint8(l3 + 1) | 0x03);
  view.setUint16(l3 + IPV4_TOTAL_LENGTH, headers + payload);
  view.setUint16(l3 + IPV4_FRAGMENT, dontFragment ? IPV4_DONT_FRAGMENT : 0);
  view.setUint16(l3 + IPV4_CHECKSUM, 0);
  view.setUint16(l3 + IPV4_CHECKSUM, finish(sumWords(view, l3, headers)));
}

/**
 * Turns a first fragment's IPv6 headers into those of the whole packet. The fragment header still stands behind them,
 * where the payload is to go.
 * @param headers bytes of the headers before the fragment header @param payload, congestion as for IPv4
 */
export function unfragmentIpv6(
  view: DataView,
  l3: number,
  headers: number,
  payload: number,
  congestion: boolean,
): void {
  if (congestion) view.setUint8(l3 + 1, view.getUint8(l3 + 1) | 0x30);
  view.setUint16(l3 + IPV6_PAYLOAD_LENGTH, headers - IPV6_HEADER + payload);
  view.setUint8(l3 + nextHeaderField(view, l3, headers), view.getUint8(l3 + headers));
}

/**
 * Where, counted from the IPv6 header at `l3`, stands the number that names what follows the first `headers` bytes of
 * headers, which are whole and end there.
 */
function nextHeaderField(view: DataView, l3: number, headers: number): number {
  let field = IPV6_NEXT_HEADER;
  for (let at = IPV6_HEADER; at < headers; at += (view.getUint8(l3 + at + 1) + 1) << 3) field = at;
  return field;
}

function blankUncopiedOptions(bytes: Uint8Array, from: number, end: number): void {
  let at = from;
  for (;;) {
    // END, NOP and lengths are as in TCP.
    const step = optionLength(bytes, at, end);
    if (step === 0) return;
    if ((bytes[at]! & IPV4_OPTION_COPIED) === 0) bytes.fill(OPTION_NOP, at, at + step);
    at += step;
  }
}
