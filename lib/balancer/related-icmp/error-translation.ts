import {
  ICMP_CODE_FRAGMENTATION_NEEDED,
  ICMP_CODE_HOST,
  ICMP_CODE_HOST_PROHIBITED,
  ICMP_CODE_PORT,
  ICMP_CODE_PROTOCOL,
  ICMP_PARAMETER_PROBLEM,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMPV6_CODE_HEADER_FIELD,
  ICMPV6_CODE_NEXT_HEADER,
  ICMPV6_CODE_NO_ROUTE,
  ICMPV6_CODE_PORT,
  ICMPV6_CODE_PROHIBITED,
  ICMPV6_PACKET_TOO_BIG,
  ICMPV6_PARAMETER_PROBLEM,
  ICMPV6_TIME_EXCEEDED,
  ICMPV6_UNREACHABLE,
} from '../../net/icmp.js';
import { IPV4_MIN_MTU } from '../../net/ipv4.js';
import { IPV6_MIN_MTU, IPV6_NEXT_HEADER } from '../../net/ipv6.js';
import type { ErrorHeader } from '../icmp-message.js';

/** In the tables: there is no such thing in the other family, and the error goes no further. */
const NONE = -1;

const NO_ROUTE = ICMPV6_CODE_NO_ROUTE;
const PROHIBITED = ICMPV6_CODE_PROHIBITED;

/** RFC 7915 4.2: ICMPv6 codes of "destination unreachable" by ICMP code, 2 and 4 aside, which become other types. */
const UNREACHABLE_CODES = [
  ...[NO_ROUTE, NO_ROUTE, NONE, ICMPV6_CODE_PORT, NONE, NO_ROUTE, NO_ROUTE, NO_ROUTE],
  ...[NO_ROUTE, PROHIBITED, PROHIBITED, NO_ROUTE, NO_ROUTE, PROHIBITED, NONE, PROHIBITED],
];
/** RFC 7915 5.2: the other way round. */
const UNREACHABLE_CODES_V4 = [
  ...[ICMP_CODE_HOST, ICMP_CODE_HOST_PROHIBITED, ICMP_CODE_HOST, ICMP_CODE_HOST, ICMP_CODE_PORT],
];

/** RFC 7915 figure 3: positions in the IPv6 header by those in the IPv4 header. */
const POINTERS = [0, 1, 4, 4, NONE, NONE, NONE, NONE, 7, 6, NONE, NONE, 8, 8, 8, 8, 24, 24, 24, 24];
/** RFC 7915 figure 6: positions in the IPv4 header by those in the IPv6 header, up to the addresses. */
const POINTERS_V4 = [0, 1, NONE, NONE, 2, 2, 9, 8];
const SOURCE_V4 = 12;
const DESTINATION_V4 = 16;

/**
 * Turns the header of an ICMP error into that of the ICMPv6 error that tells the same (RFC 7915 4.2); the MTU is left
 * as it is.
 * @returns whether there is one
 */
export function turnIntoIcmpv6(error: ErrorHeader): boolean {
  const { type, code, value } = error;
  if (type === ICMP_TIME_EXCEEDED) return set(error, ICMPV6_TIME_EXCEEDED, code, 0);
  if (type === ICMP_PARAMETER_PROBLEM) {
    // The code 1 is an option that is missing, 2 a bad length, which stands where the pointer says.
    const pointer = code === 0 || code === 2 ? POINTERS[value] : NONE;
    return set(error, ICMPV6_PARAMETER_PROBLEM, ICMPV6_CODE_HEADER_FIELD, pointer);
  }
  if (type !== ICMP_UNREACHABLE) return false;
  if (code === ICMP_CODE_FRAGMENTATION_NEEDED) return set(error, ICMPV6_PACKET_TOO_BIG, 0, value);
  if (code === ICMP_CODE_PROTOCOL) {
    return set(error, ICMPV6_PARAMETER_PROBLEM, ICMPV6_CODE_NEXT_HEADER, IPV6_NEXT_HEADER);
  }
  return set(error, ICMPV6_UNREACHABLE, UNREACHABLE_CODES[code], 0);
}

/** The same the other way round (RFC 7915 5.2). */
export function turnIntoIcmp(error: ErrorHeader): boolean {
  const { type, code, value } = error;
  if (type === ICMPV6_UNREACHABLE) return set(error, ICMP_UNREACHABLE, UNREACHABLE_CODES_V4[code], 0);
  if (type === ICMPV6_PACKET_TOO_BIG) {
    return set(error, ICMP_UNREACHABLE, ICMP_CODE_FRAGMENTATION_NEEDED, value);
  }
  if (type === ICMPV6_TIME_EXCEEDED) return set(error, ICMP_TIME_EXCEEDED, code, 0);
  if (code === ICMPV6_CODE_NEXT_HEADER) return set(error, ICMP_UNREACHABLE, ICMP_CODE_PROTOCOL, 0);
  if (code !== ICMPV6_CODE_HEADER_FIELD) return false;
  return set(error, ICMP_PARAMETER_PROBLEM, 0, pointerV4(value));
}

function pointerV4(pointer: number): number | undefined {
  if (pointer < 8) return POINTERS_V4[pointer];
  if (pointer < 24) return SOURCE_V4;
  return pointer < 40 ? DESTINATION_V4 : NONE;
}

function set(error: ErrorHeader, type: number, code = NONE, value = NONE): boolean {
  error.type = type;
  error.code = code;
  error.value = value;
  return code !== NONE && value !== NONE;
}

const IP_PACKET_MAX = 65_535;

/** Path MTUs that are common (RFC 1191 7), from the largest. */
const PLATEAUS = [32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296];

/**
 * The MTU that a "too big" tells. A router that knows none says 0: then it is the next lower one that is common
 * (RFC 1191 5, RFC 7915 4.2).
 * @param length of the packet that was too big, in bytes
 */
export function toldMtu({ value }: ErrorHeader, length: number): number {
  return value === 0 ? (PLATEAUS.find((plateau) => plateau < length) ?? IPV4_MIN_MTU) : value;
}

/** The MTU as it may be told to a host of a family: none is smaller than what every link carries. */
export function soundMtu(mtu: number, family: number): number {
  const least = family === 6 ? IPV6_MIN_MTU : IPV4_MIN_MTU;
  return Math.min(Math.max(mtu, least), IP_PACKET_MAX);
}
