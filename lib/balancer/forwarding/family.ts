import { fold, sumWords } from '../../net/checksum.js';
import {
  IPV4_DESTINATION,
  IPV4_DONT_FRAGMENT,
  IPV4_HEADER,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TTL,
  writeIpv4,
} from '../../net/ipv4.js';
import {
  IPV6_DESTINATION,
  IPV6_HEADER,
  IPV6_HOP_LIMIT,
  IPV6_MIN_MTU,
  IPV6_SOURCE,
  writeIpv6At,
} from '../../net/ipv6.js';
import { MAPPED_WORD } from '../address-words.js';
import type { Frame } from '../frame.js';
import { moveStart } from './rewrite.js';

/**
 * The step between the families that is left when all addresses are IPv4-mapped ones: another IP header in front of
 * the same transport header (RFC 7915 4.1, 5.1). The sum of `::ffff:a.b.c.d` is that of `a.b.c.d`, so no checksum
 * behind the IP header changes.
 */

/** By how many bytes the one IP header is longer than the other, options and extension headers aside. */
export const HEADER_DIFFERENCE = IPV6_HEADER - IPV4_HEADER;

/**
 * Whether a packet may be cut on its way over IPv4: no IPv6 host can be told of an MTU that it would be too big for
 * (RFC 7915 5.1).
 * @param transport bytes behind the IP header, as the host has sent them
 */
export function mayBeCut(transport: number): boolean {
  return IPV6_HEADER + transport <= IPV6_MIN_MTU;
}

const addresses = new Int32Array(8);

/**
 * Replaces the IPv6 header of a parsed packet, whose addresses are IPv4-mapped, and its extension headers by an IPv4
 * header. What stands before them moves along.
 * @param length of what follows the headers
 * @param cuttable whether it may be cut on its way
 */
export function replaceWithIpv4(frame: Frame, length: number, cuttable: boolean): void {
  const { view, l3, l4, protocol } = frame;
  const source = view.getInt32(l3 + IPV6_SOURCE + 12);
  const destination = view.getInt32(l3 + IPV6_DESTINATION + 12);
  const trafficClass = (view.getUint16(l3) >> 4) & 0xff;
  const hopLimit = view.getUint8(l3 + IPV6_HOP_LIMIT);
  const at = l4 - IPV4_HEADER;
  const idAndFragment = cuttable ? identification(view, l4) << 16 : IPV4_DONT_FRAGMENT;
  const total = IPV4_HEADER + length;
  moveStart(frame, at - l3);
  frame.l3 = at;
  writeIpv4(view, at, total, hopLimit, protocol, source, destination, trafficClass, idAndFragment);
  frame.family = 4;
}

/**
 * An id that packets on their way at the same time hardly share: the ports and the sequence number, what every packet
 * and every quote of one has.
 */
function identification(view: DataView, l4: number): number {
  return fold(sumWords(view, l4, 8));
}

/**
 * Replaces the IPv4 header of a parsed packet and its options by an IPv6 header with IPv4-mapped addresses. What
 * stands before it moves along, by up to 20 bytes down.
 * @param length of what follows the header
 */
export function replaceWithIpv6(frame: Frame, length: number): void {
  const { view, l3, l4 } = frame;
  addresses[2] = MAPPED_WORD;
  addresses[3] = view.getInt32(l3 + IPV4_SOURCE);
  addresses[6] = MAPPED_WORD;
  addresses[7] = view.getInt32(l3 + IPV4_DESTINATION);
  const trafficClass = view.getUint8(l3 + 1);
  const ttl = view.getUint8(l3 + IPV4_TTL);
  const protocol = view.getUint8(l3 + IPV4_PROTOCOL);
  const at = l4 - IPV6_HEADER;
  moveStart(frame, at - l3);
  frame.l3 = at;
  writeIpv6At(view, at, length, protocol, ttl, addresses, 0, 4);
  view.setUint16(at, 0x6000 | (trafficClass << 4));
  frame.family = 6;
}
