import { ETHERNET_HEADER, ETHERNET_TYPE, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../net/ethernet.js';
import {
  IPV4_FRAGMENT,
  IPV4_HEADER,
  IPV4_IS_FRAGMENT,
  IPV4_OPTION_LOOSE_SOURCE_ROUTE,
  IPV4_OPTION_STRICT_SOURCE_ROUTE,
  IPV4_PROTOCOL,
  IPV4_TOTAL_LENGTH,
  ipv4ChecksumValid,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../net/ipv4.js';
import {
  FRAGMENT_HEADER,
  FRAGMENT_IS_PART,
  FRAGMENT_OFFSET,
  IPV6_HEADER,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  isSkippableExtension,
  NEXT_FRAGMENT,
  NEXT_ROUTING,
  ROUTING_SEGMENTS_LEFT,
} from '../net/ipv6.js';
import {
  optionLength,
  TCP_ACKNOWLEDGMENT,
  TCP_CHECKSUM,
  TCP_DATA_OFFSET,
  TCP_FLAGS,
  TCP_HEADER,
  TCP_SEQUENCE,
} from '../net/tcp.js';
import { UDP_CHECKSUM, UDP_HEADER, UDP_LENGTH } from '../net/udp.js';
import {
  VNET_CHECKSUM_OFFSET,
  VNET_CHECKSUM_START,
  VNET_FLAGS,
  VNET_GSO_ECN,
  VNET_GSO_NONE,
  VNET_GSO_SIZE,
  VNET_GSO_TCPV4,
  VNET_GSO_TCPV6,
  VNET_GSO_TYPE,
  VNET_HEADER,
  VNET_LITTLE_ENDIAN,
  VNET_NEEDS_CHECKSUM,
} from '../net/virtio.js';
import { isMapped } from './address-words.js';
import { COUNTER } from './counters.js';
import type { Frame } from './frame.js';
import { readIpv4Addresses, readIpv6Addresses } from './packet-addresses.js';

/** `parse` found nothing wrong. */
export const PARSED = -1;
/** `parse` found a fragment: its transport header is not read. `l4` is behind IPv4's header, at IPv6's fragment header. */
export const FRAGMENT = -2;

/** At most this many extension headers are looked past; Linux allows 8 in one option header, real packets have 0 to 2. */
const MAX_EXTENSION_HEADERS = 8;

/**
 * Reads an IP frame's headers into its fields and trims the padding behind the packet. Nothing behind the frame's
 * end is read, whatever the lengths in it say.
 * @returns `PARSED`, `FRAGMENT`, or the counter that says why the frame must be dropped
 */
export function parse(frame: Frame): number {
  frame.family = 0;
  frame.largestFragment = 0;
  if (frame.length < ETHERNET_HEADER) return COUNTER['drop-short-frame'];
  frame.l3 = frame.start + ETHERNET_HEADER;
  const type = frame.view.getUint16(frame.start + ETHERNET_TYPE);
  let fault: number;
  if (type === ETHERTYPE_IPV4) fault = parseIpv4(frame);
  else if (type === ETHERTYPE_IPV6) fault = parseIpv6(frame);
  else return COUNTER['drop-unknown-ethertype'];
  if (fault === FRAGMENT) return isOffloaded(frame) ? COUNTER['drop-bad-gso'] : FRAGMENT;
  if (fault !== PARSED) return fault;
  fault = readOffloads(frame);
  if (fault !== PARSED) return fault;
  if (frame.protocol === PROTOCOL_TCP) return parseTcp(frame);
  return frame.protocol === PROTOCOL_UDP ? parseUdp(frame) : PARSED;
}

function parseIpv4(frame: Frame): number {
  const { bytes, view, l3 } = frame;
  const room = frame.length - ETHERNET_HEADER;
  if (room < IPV4_HEADER) return COUNTER['drop-short-frame'];
  const first = bytes[l3]!;
  const headerLength = (first & 15) << 2;
  if (first >> 4 !== 4 || headerLength < IPV4_HEADER || headerLength > room)
    return COUNTER['drop-bad-ip-header'];
  const totalLength = view.getUint16(l3 + IPV4_TOTAL_LENGTH);
  if (totalLength < headerLength || totalLength > room) return COUNTER['drop-bad-ip-length'];
  if (!ipv4ChecksumValid(view, l3, headerLength)) return COUNTER['drop-bad-ip-checksum'];
  if (headerLength > IPV4_HEADER && hasSourceRoute(bytes, l3 + IPV4_HEADER, l3 + headerLength)) {
    return COUNTER['drop-source-route'];
  }
  frame.length = ETHERNET_HEADER + totalLength;
  frame.family = 4;
  frame.protocol = bytes[l3 + IPV4_PROTOCOL]!;
  frame.l4 = l3 + headerLength;
  readIpv4Addresses(frame);
  return (view.getUint16(l3 + IPV4_FRAGMENT) & IPV4_IS_FRAGMENT) === 0 ? PARSED : FRAGMENT;
}

/** A sender's own route (RFC 791) would lead a packet on behind the real server; RFC 7126 4.3, 4.4: to be dropped. */
function hasSourceRoute(bytes: Uint8Array, from: number, end: number): boolean {
  let at = from;
  for (;;) {
    // END, NOP and lengths are as in TCP.
    const step = optionLength(bytes, at, end);
    if (step === 0) return false;
    const kind = bytes[at]!;
    if (kind === IPV4_OPTION_LOOSE_SOURCE_ROUTE || kind === IPV4_OPTION_STRICT_SOURCE_ROUTE) return true;
    at += step;
  }
}

function parseIpv6(frame: Frame): number {
  const { bytes, view, l3 } = frame;
  const room = frame.length - ETHERNET_HEADER;
  if (room < IPV6_HEADER) return COUNTER['drop-short-frame'];
  if (bytes[l3]! >> 4 !== 6) return COUNTER['drop-bad-ip-header'];
  const totalLength = IPV6_HEADER + view.getUint16(l3 + IPV6_PAYLOAD_LENGTH);
  if (totalLength > room) return COUNTER['drop-bad-ip-length'];
  const end = l3 + totalLength;
  let next = bytes[l3 + IPV6_NEXT_HEADER]!;
  let l4 = l3 + IPV6_HEADER;
  for (let skipped = 0; isSkippableExtension(next) || next === NEXT_FRAGMENT; skipped++) {
    if (skipped === MAX_EXTENSION_HEADERS || l4 + 8 > end) return COUNTER['drop-bad-ip-header'];
    if (next === NEXT_FRAGMENT) {
      if ((view.getUint16(l4 + FRAGMENT_OFFSET) & FRAGMENT_IS_PART) !== 0) break;
      // The only fragment of its packet, which is therefore whole (RFC 6946).
      frame.largestFragment = totalLength;
    }
    // The VIP would be a station on its way only (RFC 8200 4.4: not for us to follow; RFC 5095).
    if (next === NEXT_ROUTING && bytes[l4 + ROUTING_SEGMENTS_LEFT] !== 0) return COUNTER['drop-source-route'];
    const length = next === NEXT_FRAGMENT ? FRAGMENT_HEADER : (bytes[l4 + 1]! + 1) << 3;
    next = bytes[l4]!;
    l4 += length;
  }
  if (l4 > end) return COUNTER['drop-bad-ip-header'];
  frame.length = ETHERNET_HEADER + totalLength;
  frame.family = 6;
  frame.protocol = next;
  frame.l4 = l4;
  readIpv6Addresses(frame);
  // An IPv4-mapped address on the wire would be taken for the IPv4 one (RFC 4942 2.2: such packets are to be dropped).
  if (isMapped(frame.source0, frame.source1, frame.source2)) return COUNTER['drop-invalid-source'];
  if (isMapped(frame.destination0, frame.destination1, frame.destination2))
    return COUNTER['drop-unknown-address'];
  return next === NEXT_FRAGMENT ? FRAGMENT : PARSED;
}

/** Whether a checksum or segmentation is left to us; the kernel does not do so to fragments. */
function isOffloaded({ bytes, start }: Frame): boolean {
  const header = start - VNET_HEADER;
  return (bytes[header + VNET_FLAGS]! & VNET_NEEDS_CHECKSUM) !== 0 || bytes[header + VNET_GSO_TYPE] !== 0;
}

/** Reads the virtio_net_hdr: it comes from the kernel, but what the fields say must fit this frame. */
function readOffloads(frame: Frame): number {
  const { bytes, view } = frame;
  const header = frame.start - VNET_HEADER;
  frame.partial = (bytes[header + VNET_FLAGS]! & VNET_NEEDS_CHECKSUM) !== 0;
  const gsoType = bytes[header + VNET_GSO_TYPE]! & ~VNET_GSO_ECN;
  frame.gsoSize = 0;
  frame.segments = 1;
  if (gsoType === VNET_GSO_NONE && !frame.partial) return PARSED;
  const balanced = frame.protocol === PROTOCOL_TCP || frame.protocol === PROTOCOL_UDP;
  if (frame.partial && balanced && !isTransportChecksum(frame, header)) return COUNTER['drop-bad-gso'];
  if (gsoType === VNET_GSO_NONE) return PARSED;
  if (frame.protocol !== PROTOCOL_TCP) return COUNTER['drop-bad-gso'];
  if (gsoType !== (frame.family === 4 ? VNET_GSO_TCPV4 : VNET_GSO_TCPV6)) return COUNTER['drop-bad-gso'];
  frame.gsoSize = view.getUint16(header + VNET_GSO_SIZE, VNET_LITTLE_ENDIAN);
  return frame.gsoSize === 0 ? COUNTER['drop-bad-gso'] : PARSED;
}

/** Whether the checksum that is left to the device is the transport header's. */
function isTransportChecksum({ view, start, l4, protocol }: Frame, header: number): boolean {
  const offset = protocol === PROTOCOL_TCP ? TCP_CHECKSUM : UDP_CHECKSUM;
  return (
    view.getUint16(header + VNET_CHECKSUM_START, VNET_LITTLE_ENDIAN) === l4 - start &&
    view.getUint16(header + VNET_CHECKSUM_OFFSET, VNET_LITTLE_ENDIAN) === offset
  );
}

/** What belongs to no header, behind the length that UDP gives itself, goes along as it is. */
function parseUdp(frame: Frame): number {
  const { view, l4 } = frame;
  const room = frame.start + frame.length - l4;
  if (room < UDP_HEADER) return COUNTER['drop-bad-udp-header'];
  const length = view.getUint16(l4 + UDP_LENGTH);
  if (length < UDP_HEADER || length > room) return COUNTER['drop-bad-udp-header'];
  frame.ports = view.getInt32(l4);
  frame.tcpFlags = 0;
  frame.l4Length = UDP_HEADER;
  frame.payload = room - UDP_HEADER;
  return PARSED;
}

function parseTcp(frame: Frame): number {
  const { bytes, view, l4 } = frame;
  const room = frame.start + frame.length - l4;
  if (room < TCP_HEADER) return COUNTER['drop-bad-tcp-header'];
  const tcpLength = (bytes[l4 + TCP_DATA_OFFSET]! >> 4) << 2;
  if (tcpLength < TCP_HEADER || tcpLength > room) return COUNTER['drop-bad-tcp-header'];
  frame.ports = view.getInt32(l4);
  frame.sequence = view.getInt32(l4 + TCP_SEQUENCE);
  frame.acknowledgment = view.getInt32(l4 + TCP_ACKNOWLEDGMENT);
  frame.l4Length = tcpLength;
  frame.tcpFlags = bytes[l4 + TCP_FLAGS]!;
  frame.payload = room - tcpLength;
  if (frame.gsoSize !== 0 && frame.payload > frame.gsoSize) {
    frame.segments = Math.ceil(frame.payload / frame.gsoSize);
  }
  return PARSED;
}
