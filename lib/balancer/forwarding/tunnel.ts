import { ETHERNET_HEADER, ETHERNET_TYPE, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../../net/ethernet.js';
import {
  IPV4_DONT_FRAGMENT,
  IPV4_FRAGMENT,
  IPV4_HEADER,
  IPV4_TTL,
  PROTOCOL_IPIP,
  PROTOCOL_IPV6,
  writeIpv4,
} from '../../net/ipv4.js';
import { IPV6_HEADER, IPV6_HOP_LIMIT, writeIpv6At } from '../../net/ipv6.js';
import { isIpv4At } from '../address-words.js';
import { LOCAL, SERVER } from '../connection/record.js';
import type { Frame } from '../frame.js';
import type { Forwarding } from './forwarding.js';
import type { PacketIds } from './packet-ids.js';
import { decrementTtl, moveStart } from './rewrite.js';
import { completeInSoftware, takeSegment } from './segments.js';

/** Explicit Congestion Notification, the low two bits of TOS and traffic class (RFC 3168). */
const ECN_MASK = 3;
const ECN_ECT0 = 2;
const ECN_CE = 3;

/**
 * TUN: the whole packet goes to the real server inside of another one (RFC 2003, 2473, 4213), from a local address of
 * the balancer; the real server has the VIP itself and answers past the balancer.
 * @param ids for outer headers
 */
export function tunnelWith(ids: PacketIds): Forwarding {
  return {
    growth: (words, base) => (isIpv4At(words, base + SERVER) ? IPV4_HEADER : IPV6_HEADER),
    growthToClient: 0,
    // No device cuts what is inside of a tunnel (virtio_net_hdr has no words for it).
    splitAhead: (frame, _words, _base, _toa, emitted, counters) => takeSegment(frame, emitted, counters),
    toServer: (frame, words, base) => encapsulate(frame, words, base, ids),
    toClient: () => {},
  };
}

function encapsulate(frame: Frame, words: Int32Array, base: number, ids: PacketIds): void {
  completeInSoftware(frame);
  decrementTtl(frame);
  const { bytes, view, l3, family } = frame;
  const inner = frame.start + frame.length - l3;
  const trafficClass = family === 4 ? bytes[l3 + 1]! : (view.getUint16(l3) >> 4) & 0xff;
  const ttl = bytes[l3 + (family === 4 ? IPV4_TTL : IPV6_HOP_LIMIT)]!;
  const protocol = family === 4 ? PROTOCOL_IPIP : PROTOCOL_IPV6;
  const ipv4 = isIpv4At(words, base + SERVER);
  moveStart(frame, ipv4 ? -IPV4_HEADER : -IPV6_HEADER);
  const outer = frame.start + ETHERNET_HEADER;
  view.setUint16(frame.start + ETHERNET_TYPE, ipv4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
  if (!ipv4) {
    writeIpv6At(view, outer, inner, protocol, ttl, words, base + LOCAL, base + SERVER);
    view.setUint16(outer, 0x6000 | (outerTrafficClass(trafficClass) << 4));
    return;
  }
  const source = words[base + LOCAL + 3]!;
  const destination = words[base + SERVER + 3]!;
  const outerClass = outerTrafficClass(trafficClass);
  // The id of an inner packet is the client's, and no other client's here: the outer ones have both ends in common.
  const idAndFragment = isCuttable(frame) ? ids.ipv4(source, destination) << 16 : IPV4_DONT_FRAGMENT;
  const length = IPV4_HEADER + inner;
  writeIpv4(view, outer, length, ttl, protocol, source, destination, outerClass, idAndFragment);
}

/** Whether a packet's sender lets it be fragmented: then it may be so around the tunnel, too. */
export function isCuttable({ view, l3, family }: Frame): boolean {
  return family === 4 && (view.getUint16(l3 + IPV4_FRAGMENT) & IPV4_DONT_FRAGMENT) === 0;
}

/** The inner one's, but congestion that was met before the tunnel is told inside alone (Linux's INET_ECN_encapsulate). */
function outerTrafficClass(inner: number): number {
  return (inner & ECN_MASK) === ECN_CE ? (inner & ~ECN_MASK) | ECN_ECT0 : inner;
}
