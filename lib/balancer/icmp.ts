import { finish, sumWords } from '../net/checksum.js';
import { ETHERNET_HEADER, ETHERNET_SOURCE, turnAround, writeMacs } from '../net/ethernet.js';
import {
  ICMP_CODE_FRAGMENTATION_NEEDED,
  ICMP_CODE_PORT,
  ICMP_CODE_REASSEMBLY,
  ICMP_ECHO_REPLY,
  ICMP_ECHO_REQUEST,
  ICMP_HEADER,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMPV6_CODE_INCOMPLETE_HEADERS,
  ICMPV6_CODE_PORT,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_ERROR_MAX,
  ICMPV6_PACKET_TOO_BIG,
  ICMPV6_PARAMETER_PROBLEM,
  ICMPV6_TIME_EXCEEDED,
  ICMPV6_UNREACHABLE,
} from '../net/icmp.js';
import { IPV4_CHECKSUM, IPV4_DESTINATION, IPV4_SOURCE, IPV4_TTL } from '../net/ipv4.js';
import { IPV6_DESTINATION, IPV6_HEADER, IPV6_HOP_LIMIT, IPV6_MIN_MTU, IPV6_SOURCE } from '../net/ipv6.js';
import { MAPPED_WORD } from './address-words.js';
import { COUNTER, type Counters } from './counters.js';
import type { Emitted } from './emitted.js';
import type { Frame } from './frame.js';
import { type ErrorHeader, errorHeaders, writeErrorAround } from './icmp-message.js';
import type { LinkPort } from './link-port.js';
import { icmpv6Checksum } from './neighbor-discovery.js';
import type { OwnAddresses } from './own-addresses.js';

/** The hop limit of packets that the balancer makes itself. */
export const OWN_TTL = 64;

/** ICMP errors a second: Linux's icmp_msgs_per_sec. Who sends more packets that fail learns nothing new. */
const ERRORS_PER_SECOND = 1000;

/** The largest error, and what of its quote is cut off when its headers are written. */
const ERROR_FRAME_MAX = ETHERNET_HEADER + IPV6_HEADER + ICMP_HEADER + ICMPV6_ERROR_MAX;

/** The ICMP errors a load balancer answers with, in both families; */
export const PORT_UNREACHABLE = 0;
export const TIME_EXCEEDED = 1;
export const TOO_BIG = 2;
export const REASSEMBLY_TIME_EXCEEDED = 3;
/** and in IPv6 alone: a header field is wrong, a first fragment does not hold all headers. */
export const PARAMETER_PROBLEM = 4;
export const HEADERS_INCOMPLETE = 5;
const TYPES_V4 = [ICMP_UNREACHABLE, ICMP_TIME_EXCEEDED, ICMP_UNREACHABLE, ICMP_TIME_EXCEEDED];
const CODES_V4 = [ICMP_CODE_PORT, 0, ICMP_CODE_FRAGMENTATION_NEEDED, ICMP_CODE_REASSEMBLY];
const TYPES_V6 = [
  ICMPV6_UNREACHABLE,
  ICMPV6_TIME_EXCEEDED,
  ICMPV6_PACKET_TOO_BIG,
  ICMPV6_TIME_EXCEEDED,
  ICMPV6_PARAMETER_PROBLEM,
  ICMPV6_PARAMETER_PROBLEM,
];
const CODES_V6 = [ICMPV6_CODE_PORT, 0, 0, ICMP_CODE_REASSEMBLY, 0, ICMPV6_CODE_INCOMPLETE_HEADERS];

/** Answers packets that cannot be forwarded, with at most so many errors a second. */
export class IcmpErrors {
  /** Replaced when the configuration changes. */
  own: OwnAddresses;
  readonly #emitted: Emitted;
  readonly #counters: Counters;
  #second = -1;
  #sent = 0;
  readonly #error: ErrorHeader = { type: 0, code: 0, value: 0 };
  /** Source and destination of the packet. */
  readonly #ends = new Int32Array(8);

  constructor(own: OwnAddresses, emitted: Emitted, counters: Counters) {
    this.own = own;
    this.#emitted = emitted;
    this.#counters = counters;
  }

  /**
   * Answers `frame`, as it came in, with an ICMP error back to where it came from: from the address it was sent to, or,
   * where that is none of ours, as a client's is that a real server of NAT answers, from the link's own if it has one
   * (RFC 1812 4.3.2.4, RFC 4443 2.2).
   * @param kind PORT_UNREACHABLE, TIME_EXCEEDED or another of the constants above
   * @param value with TOO_BIG: the largest packet that would have passed, in bytes; with PARAMETER_PROBLEM: where in
   * the packet the fault is, in bytes from the IP header on; else 0
   * @param now milliseconds
   */
  answer(frame: Frame, link: LinkPort, kind: number, value: number, now: number): void {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#sent = 0;
    }
    const answer = this.#sent < ERRORS_PER_SECOND ? this.#emitted.take(ERROR_FRAME_MAX) : undefined;
    if (answer === undefined) {
      this.#counters.add(COUNTER['answer-icmp-error-limited']);
      return;
    }
    this.#sent++;
    const ipv6 = frame.family === 6;
    const error = this.#error;
    error.type = (ipv6 ? TYPES_V6 : TYPES_V4)[kind]!;
    error.code = (ipv6 ? CODES_V6 : CODES_V4)[kind]!;
    error.value = ipv6 && kind === TOO_BIG && value < IPV6_MIN_MTU ? IPV6_MIN_MTU : value;
    const ends = this.#ends;
    readEnds(frame, ends);
    const ofLink = ipv6 ? link.ipv6 : link.ipv4;
    if (ofLink !== undefined && !this.own.has(ends[4]!, ends[5]!, ends[6]!, ends[7]!)) ends.set(ofLink, 4);
    const quote = answer.start + errorHeaders(ends, 0);
    const quoted = Math.min(frame.length - ETHERNET_HEADER, ICMPV6_ERROR_MAX);
    answer.bytes.set(frame.bytes.subarray(frame.l3, frame.l3 + quoted), quote);
    writeErrorAround(answer, quote, quoted, error, OWN_TTL, ends, 4, 0);
    writeMacs(
      answer.view,
      answer.start,
      frame.view.getUint16(frame.start + ETHERNET_SOURCE),
      frame.view.getInt32(frame.start + ETHERNET_SOURCE + 2),
      link.macHigh,
      link.macLow,
    );
    this.#emitted.send(answer, link.index);
    this.#counters.add(COUNTER['answer-icmp-error']);
  }
}

/** Reads a packet's source and destination, four words each. */
function readEnds({ view, l3, family }: Frame, ends: Int32Array): void {
  if (family === 6) {
    for (let i = 0; i < 8; i++) ends[i] = view.getInt32(l3 + IPV6_SOURCE + 4 * i);
    return;
  }
  ends.fill(0);
  ends[2] = MAPPED_WORD;
  ends[3] = view.getInt32(l3 + IPV4_SOURCE);
  ends[6] = MAPPED_WORD;
  ends[7] = view.getInt32(l3 + IPV4_DESTINATION);
}

/** Whether the checksum of an ICMP or ICMPv6 packet, with its header whole, is right. */
export function isIcmpIntact({ view, start, length, l3, l4, family }: Frame): boolean {
  const message = start + length - l4;
  if (family === 4) return finish(sumWords(view, l4, message)) === 0;
  return icmpv6Checksum(view, l3, l4, message) === 0;
}

/** Whether an ICMP or ICMPv6 packet is an echo request with a right checksum: somebody pings an address of ours. */
export function isEchoRequest(frame: Frame): boolean {
  const { view, l4 } = frame;
  if (frame.start + frame.length - l4 < ICMP_HEADER) return false;
  const request = frame.family === 4 ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST;
  return view.getUint16(l4) === request << 8 && isIcmpIntact(frame);
}

/** Turns an echo request into its reply, in place (RFC 792, RFC 4443 4.2). */
export function turnEchoAround(frame: Frame, link: LinkPort): void {
  const { bytes, view, l3, l4 } = frame;
  turnAround(view, frame.start, link.macHigh, link.macLow);
  const length = frame.start + frame.length - l4;
  const width = frame.family === 4 ? 4 : 16;
  const source = l3 + (frame.family === 4 ? IPV4_SOURCE : IPV6_SOURCE);
  const destination = l3 + (frame.family === 4 ? IPV4_DESTINATION : IPV6_DESTINATION);
  for (let i = 0; i < width; i++) {
    const byte = bytes[source + i]!;
    bytes[source + i] = bytes[destination + i]!;
    bytes[destination + i] = byte;
  }
  view.setUint8(l4, frame.family === 4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY);
  view.setUint16(l4 + 2, 0);
  if (frame.family === 4) {
    view.setUint16(l4 + 2, finish(sumWords(view, l4, length)));
    view.setUint8(l3 + IPV4_TTL, OWN_TTL);
    view.setUint16(l3 + IPV4_CHECKSUM, 0);
    view.setUint16(l3 + IPV4_CHECKSUM, finish(sumWords(view, l3, l4 - l3)));
  } else {
    view.setUint16(l4 + 2, icmpv6Checksum(view, l3, l4, length));
    view.setUint8(l3 + IPV6_HOP_LIMIT, OWN_TTL);
  }
}
