import { finish, sumWords } from '../net/checksum.js';
import { ETHERNET_HEADER, ETHERNET_TYPE, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../net/ethernet.js';
import {
  ICMP_CHECKSUM,
  ICMP_CODE_FRAGMENTATION_NEEDED,
  ICMP_ERROR_MAX,
  ICMP_HEADER,
  ICMP_PARAMETER_PROBLEM,
  ICMP_UNREACHABLE,
  ICMP_VALUE,
  ICMPV6_ERROR_MAX,
  ICMPV6_PACKET_TOO_BIG,
  ICMPV6_PARAMETER_PROBLEM,
} from '../net/icmp.js';
import { IPV4_HEADER, PROTOCOL_ICMP, writeIpv4 } from '../net/ipv4.js';
import { IPV6_HEADER, NEXT_ICMPV6, writeIpv6At } from '../net/ipv6.js';
import { isIpv4At } from './address-words.js';
import type { Frame } from './frame.js';
import { icmpv6Checksum } from './neighbor-discovery.js';

/** What the header of an ICMP or ICMPv6 error says. */
export interface ErrorHeader {
  type: number;
  code: number;
  /** With "too big" the MTU in bytes, with "parameter problem" a position in the quoted packet, else 0. */
  value: number;
}

/** Whether an error is about a packet's size: "fragmentation needed" or "packet too big". */
export function isTooBig({ type, code }: ErrorHeader, family: number): boolean {
  if (family === 6) return type === ICMPV6_PACKET_TOO_BIG;
  return type === ICMP_UNREACHABLE && code === ICMP_CODE_FRAGMENTATION_NEEDED;
}

/** Reads the header of an error; what it says of extensions (RFC 4884) is left out. */
export function readErrorHeader({ view, l4, family }: Frame, error: ErrorHeader): void {
  error.type = view.getUint8(l4);
  error.code = view.getUint8(l4 + 1);
  error.value = 0;
  if (family === 6) {
    if (isTooBig(error, 6) || error.type === ICMPV6_PARAMETER_PROBLEM)
      error.value = view.getUint32(l4 + ICMP_VALUE);
  } else if (isTooBig(error, 4)) error.value = view.getUint16(l4 + ICMP_VALUE + 2);
  else if (error.type === ICMP_PARAMETER_PROBLEM) error.value = view.getUint8(l4 + ICMP_VALUE);
}

/** Bytes before the quoted packet in a frame with an error to the address at `destination`. */
export function errorHeaders(words: Int32Array, destination: number): number {
  return ETHERNET_HEADER + (isIpv4At(words, destination) ? IPV4_HEADER : IPV6_HEADER) + ICMP_HEADER;
}

/**
 * Writes the headers of an error, from the Ethernet type on, in front of the packet that it quotes, and makes the frame
 * begin there; the MAC addresses are left to who sends it. The quote is cut to what an error may have.
 * @param quote, length where in the frame's buffer the quoted packet stands
 * @param source, destination where in `words` the addresses stand, four words each
 */
export function writeErrorAround(
  frame: Frame,
  quote: number,
  length: number,
  error: ErrorHeader,
  hopLimit: number,
  words: Int32Array,
  source: number,
  destination: number,
): void {
  const { view } = frame;
  const ipv4 = isIpv4At(words, destination);
  frame.start = quote - errorHeaders(words, destination);
  const l3 = frame.start + ETHERNET_HEADER;
  const l4 = quote - ICMP_HEADER;
  const most = (ipv4 ? ICMP_ERROR_MAX : ICMPV6_ERROR_MAX) - (quote - l3);
  const message = ICMP_HEADER + (length < most ? length : most);
  frame.length = l4 + message - frame.start;
  frame.clearOffloads();
  view.setUint16(frame.start + ETHERNET_TYPE, ipv4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
  view.setUint8(l4, error.type);
  view.setUint8(l4 + 1, error.code);
  view.setUint16(l4 + ICMP_CHECKSUM, 0);
  if (!ipv4) {
    writeIpv6At(view, l3, message, NEXT_ICMPV6, hopLimit, words, source, destination);
    view.setUint32(l4 + ICMP_VALUE, error.value);
    view.setUint16(l4 + ICMP_CHECKSUM, icmpv6Checksum(view, l3, l4, message));
    return;
  }
  const total = IPV4_HEADER + message;
  writeIpv4(view, l3, total, hopLimit, PROTOCOL_ICMP, words[source + 3]!, words[destination + 3]!);
  const isPointer = error.type === ICMP_PARAMETER_PROBLEM;
  view.setInt32(l4 + ICMP_VALUE, isPointer ? error.value << 24 : error.value & 0xffff);
  view.setUint16(l4 + ICMP_CHECKSUM, finish(sumWords(view, l4, message)));
}
