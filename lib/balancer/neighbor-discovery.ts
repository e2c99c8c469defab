import { finish, sumWords } from '../net/checksum.js';
import { ETHERNET_HEADER, ETHERNET_TYPE, ETHERTYPE_IPV6, writeMacs } from '../net/ethernet.js';
import { ICMPV6_MLD2_REPORT } from '../net/icmp.js';
import {
  IPV6_HEADER,
  IPV6_HOP_LIMIT,
  IPV6_SOURCE,
  NEXT_HOP_BY_HOP,
  NEXT_ICMPV6,
  writeIpv6,
} from '../net/ipv6.js';
import {
  findMacOption,
  NDP_FLAGS,
  NDP_LENGTH,
  NDP_NEIGHBOR_ADVERTISEMENT,
  NDP_NEIGHBOR_SOLICITATION,
  NDP_OPTION_SOURCE_MAC,
  NDP_OPTION_TARGET_MAC,
  NDP_OPTIONS,
  NDP_OVERRIDE,
  NDP_SOLICITED,
  NDP_TARGET,
} from '../net/ndp.js';
import type { Frame } from './frame.js';
import type { LinkPort } from './link-port.js';

/** The largest frame written here: an MLDv2 report with one record. */
export const NEIGHBOR_FRAME_MAX = 96;

/** RFC 4861 7.1.1: a packet with a smaller hop limit has crossed a router and is not to be believed. */
const HOP_LIMIT = 255;

const ALL_NODES = Int32Array.of(0xff02_0000 | 0, 0, 0, 1);
const ALL_MLDV2_ROUTERS = Int32Array.of(0xff02_0000 | 0, 0, 0, 0x16);
/** The MAC prefix of IPv6 multicast (RFC 2464 7). */
const MULTICAST_MAC_HIGH = 0x3333;

/** The solicited-node group of an address (RFC 4291 2.7.1). */
function solicitedNode(address: Int32Array): Int32Array {
  return Int32Array.of(0xff02_0000 | 0, 0, 1, 0xff00_0000 | (address[3]! & 0xff_ffff));
}

/** The checksum of an ICMPv6 message (RFC 4443 2.3), whose own field must hold 0. */
export function icmpv6Checksum(view: DataView, l3: number, l4: number, length: number): number {
  const addresses = sumWords(view, l3 + IPV6_SOURCE, 32);
  return finish(addresses + length + NEXT_ICMPV6 + sumWords(view, l4, length));
}

function writeMessage(
  frame: Frame,
  link: LinkPort,
  type: number,
  source: Int32Array,
  destination: Int32Array,
  destinationHigh: number,
  destinationLow: number,
  flags: number,
  target: Int32Array,
  option: number,
): number {
  const { view, start } = frame;
  writeMacs(view, start, destinationHigh, destinationLow, link.macHigh, link.macLow);
  view.setUint16(start + ETHERNET_TYPE, ETHERTYPE_IPV6);
  const l3 = start + ETHERNET_HEADER;
  const l4 = l3 + IPV6_HEADER;
  writeIpv6(view, l3, NDP_LENGTH, NEXT_ICMPV6, HOP_LIMIT, source, destination);
  view.setInt32(l4, type << 24);
  view.setInt32(l4 + NDP_FLAGS, flags);
  for (let i = 0; i < 4; i++) view.setInt32(l4 + NDP_TARGET + 4 * i, target[i]!);
  view.setUint8(l4 + NDP_OPTIONS, option);
  view.setUint8(l4 + NDP_OPTIONS + 1, 1);
  view.setUint16(l4 + NDP_OPTIONS + 2, link.macHigh);
  view.setInt32(l4 + NDP_OPTIONS + 4, link.macLow);
  view.setUint16(l4 + 2, icmpv6Checksum(view, l3, l4, NDP_LENGTH));
  return ETHERNET_HEADER + IPV6_HEADER + NDP_LENGTH;
}

/** Asks for a neighbor's MAC address (RFC 4861 4.3). @returns the frame's length */
export function writeNeighborSolicitation(
  frame: Frame,
  link: LinkPort,
  source: Int32Array,
  target: Int32Array,
): number {
  const group = solicitedNode(target);
  return writeMessage(
    frame,
    link,
    NDP_NEIGHBOR_SOLICITATION,
    source,
    group,
    MULTICAST_MAC_HIGH,
    group[3]!,
    0,
    target,
    NDP_OPTION_SOURCE_MAC,
  );
}

/** Announces an address of ours to all nodes (RFC 4861 7.2.6). @returns the frame's length */
export function writeUnsolicitedAdvertisement(frame: Frame, link: LinkPort, address: Int32Array): number {
  return writeMessage(
    frame,
    link,
    NDP_NEIGHBOR_ADVERTISEMENT,
    address,
    ALL_NODES,
    MULTICAST_MAC_HIGH,
    ALL_NODES[3]!,
    NDP_OVERRIDE,
    address,
    NDP_OPTION_TARGET_MAC,
  );
}

/**
 * Answers a solicitation for `target`, an address of ours: to who asked, or to all nodes when it was a probe for a
 * duplicate, which comes from the unspecified address (RFC 4861 7.2.4).
 * @returns the answer's length
 */
export function writeSolicitedAdvertisement(
  answer: Frame,
  link: LinkPort,
  question: Frame,
  target: Int32Array,
): number {
  const { view, start } = question;
  const asker = Int32Array.of(question.source0, question.source1, question.source2, question.source3);
  const probe = asker.every((word) => word === 0);
  return writeMessage(
    answer,
    link,
    NDP_NEIGHBOR_ADVERTISEMENT,
    target,
    probe ? ALL_NODES : asker,
    probe ? MULTICAST_MAC_HIGH : view.getUint16(start + 6),
    probe ? ALL_NODES[3]! : view.getInt32(start + 8),
    NDP_OVERRIDE | (probe ? 0 : NDP_SOLICITED),
    target,
    NDP_OPTION_TARGET_MAC,
  );
}

/**
 * Whether an ICMPv6 packet of type solicitation or advertisement is one: hop limit, code, length and checksum
 * (RFC 4861 7.1.1, 7.1.2).
 */
export function isValidNeighborMessage(frame: Frame): boolean {
  const { view, l3, l4 } = frame;
  const length = frame.start + frame.length - l4;
  return (
    length >= NDP_OPTIONS &&
    view.getUint8(l3 + IPV6_HOP_LIMIT) === HOP_LIMIT &&
    view.getUint8(l4 + 1) === 0 &&
    icmpv6Checksum(view, l3, l4, length) === 0
  );
}

/** The offset of the sender's MAC address in a solicitation or of the target's in an advertisement, or -1. */
export function neighborMac(frame: Frame, type: number): number {
  return findMacOption(
    frame.bytes,
    frame.l4 + NDP_OPTIONS,
    frame.start + frame.length,
    type === NDP_NEIGHBOR_SOLICITATION ? NDP_OPTION_SOURCE_MAC : NDP_OPTION_TARGET_MAC,
  );
}

/**
 * Joins the solicited-node group of an address of ours, so that switches that snoop let solicitations through: an
 * MLDv2 report with one record CHANGE_TO_EXCLUDE {} (RFC 3810 5.2), from the unspecified address as RFC 3590 allows,
 * with the router alert option.
 * @returns the frame's length
 */
export function writeMulticastReport(frame: Frame, link: LinkPort, address: Int32Array): number {
  const { view, start } = frame;
  const group = solicitedNode(address);
  const reportLength = 28;
  const optionLength = 8;
  writeMacs(view, start, MULTICAST_MAC_HIGH, ALL_MLDV2_ROUTERS[3]!, link.macHigh, link.macLow);
  view.setUint16(start + ETHERNET_TYPE, ETHERTYPE_IPV6);
  const l3 = start + ETHERNET_HEADER;
  writeIpv6(view, l3, optionLength + reportLength, NEXT_HOP_BY_HOP, 1, new Int32Array(4), ALL_MLDV2_ROUTERS);
  const option = l3 + IPV6_HEADER;
  // Next header, length; router alert (RFC 2711) of 2 bytes, value 0 for MLD; PadN of none.
  view.setInt32(option, (NEXT_ICMPV6 << 24) | 0x0502);
  view.setInt32(option + 4, 0x0100);
  const report = option + optionLength;
  view.setInt32(report, ICMPV6_MLD2_REPORT << 24);
  view.setInt32(report + 4, 1);
  view.setInt32(report + 8, 4 << 24); // CHANGE_TO_EXCLUDE_MODE, no sources
  for (let i = 0; i < 4; i++) view.setInt32(report + 12 + 4 * i, group[i]!);
  view.setUint16(report + 2, icmpv6Checksum(view, l3, report, reportLength));
  return ETHERNET_HEADER + IPV6_HEADER + optionLength + reportLength;
}
