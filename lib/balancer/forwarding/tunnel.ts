import { finish, sumWords } from '../../net/checksum.js';
import { ETHERNET_HEADER, ETHERNET_TYPE, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../../net/ethernet.js';
import {
  IPV4_CHECKSUM,
  IPV4_DONT_FRAGMENT,
  IPV4_FRAGMENT,
  IPV4_HEADER,
  IPV4_ID,
  IPV4_TTL,
  PROTOCOL_IPIP,
  PROTOCOL_IPV6,
  writeIpv4,
} from '../../net/ipv4.js';
import { IPV6_HEADER, IPV6_HOP_LIMIT, writeIpv6At } from '../../net/ipv6.js';
import { VNET_HEADER } from '../../net/virtio.js';
import { isIpv4At } from '../address-words.js';
import { LOCAL, SERVER } from '../connection/record.js';
import type { Frame } from '../frame.js';
import type { Forwarding } from './forwarding.js';
import { decrementTtl } from './rewrite.js';
import { completeInSoftware, takeSegment } from './segments.js';

/** Explicit Congestion Notification, the low two bits of TOS and traffic class (RFC 3168). */
const ECN_MASK = 3;
const ECN_ECT0 = 2;
const ECN_CE = 3;

/**
 * TUN: the whole packet goes to the real server inside of another one (RFC 2003, 2473, 4213), from a local address of
 * the balancer; the real server has the VIP itself and answers past the balancer.
 */
export const tunnel: Forwarding = {
  growth: (words, base) => (isIpv4At(words, base + SERVER) ? IPV4_HEADER : IPV6_HEADER),
  growthToClient: 0,
  // No device cuts what is inside of a tunnel (virtio_net_hdr has no words for it).
  splitAhead: (frame, _words, _base, _toa, emitted, counters) => takeSegment(frame, emitted, counters),
  toServer: encapsulate,
  toClient: () => {},
};

function encapsulate(frame: Frame, words: Int32Array, base: number): void {
  completeInSoftware(frame);
  decrementTtl(frame);
  const { bytes, view, l3, family } = frame;
  const inner = frame.start + frame.length - l3;
  const trafficClass = family === 4 ? bytes[l3 + 1]! : (view.getUint16(l3) >> 4) & 0xff;
  const ttl = bytes[l3 + (family === 4 ? IPV4_TTL : IPV6_HOP_LIMIT)]!;
  const protocol = family === 4 ? PROTOCOL_IPIP : PROTOCOL_IPV6;
  const ipv4 = isIpv4At(words, base + SERVER);
  growDownwards(frame, ipv4 ? IPV4_HEADER : IPV6_HEADER);
  const outer = frame.start + ETHERNET_HEADER;
  view.setUint16(frame.start + ETHERNET_TYPE, ipv4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
  if (!ipv4) {
    writeIpv6At(view, outer, inner, protocol, ttl, words, base + LOCAL, base + SERVER);
    view.setUint16(outer, 0x6000 | (outerTrafficClass(trafficClass) << 4));
    return;
  }
  writeIpv4(
    view,
    outer,
    IPV4_HEADER + inner,
    ttl,
    protocol,
    words[base + LOCAL + 3]!,
    words[base + SERVER + 3]!,
  );
  bytes[outer + 1] = outerTrafficClass(trafficClass);
  // What the client lets be fragmented may be so around the tunnel, too. Its own id then serves: one of ours would
  // have to be unique among all clients of all real servers.
  if (family === 4 && (view.getUint16(l3 + IPV4_FRAGMENT) & IPV4_DONT_FRAGMENT) === 0) {
    view.setUint16(outer + IPV4_FRAGMENT, 0);
    view.setUint16(outer + IPV4_ID, view.getUint16(l3 + IPV4_ID));
  }
  view.setUint16(outer + IPV4_CHECKSUM, 0);
  view.setUint16(outer + IPV4_CHECKSUM, finish(sumWords(view, outer, IPV4_HEADER)));
}

/** The inner one's, but congestion that was met before the tunnel is told inside alone (Linux's INET_ECN_encapsulate). */
function outerTrafficClass(inner: number): number {
  return (inner & ECN_MASK) === ECN_CE ? (inner & ~ECN_MASK) | ECN_ECT0 : inner;
}

/** Makes room for a header in front of the IP header; the vnet and Ethernet headers move ahead of it. */
function growDownwards(frame: Frame, growth: number): void {
  const { bytes, start, l3 } = frame;
  bytes.copyWithin(start - VNET_HEADER - growth, start - VNET_HEADER, l3);
  frame.start -= growth;
  frame.length += growth;
}
