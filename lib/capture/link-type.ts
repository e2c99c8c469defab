import { ETHERNET_HEADER, ETHERNET_TYPE, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../net/ethernet.js';

/** What a captured packet begins with, by the numbers that pcap and pcapng files share (https://www.tcpdump.org/linktypes.html). */
export const LinkType = {
  null: 0,
  ethernet: 1,
  rawBsd: 12,
  rawOpenbsd: 14,
  raw: 101,
  loop: 108,
  linuxCooked: 113,
  ipv4: 228,
  ipv6: 229,
  linuxCooked2: 276,
} as const;

const VLAN_TAG = 4;
/** IEEE 802.1Q, 802.1ad, and what came before it. */
const isVlanTag = (type: number) => type === 0x8100 || type === 0x88a8 || type === 0x9100;
const isIp = (type: number) => type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6;

/** Where the IP header of a packet in `[start, end)` begins, behind any VLAN tags; -1 where none follows, or not within `end`. */
export function networkOffset(bytes: Uint8Array, start: number, end: number, linkType: number): number {
  switch (linkType) {
    case LinkType.ethernet:
      return behindType(bytes, start + ETHERNET_TYPE, end, ETHERNET_HEADER - ETHERNET_TYPE);
    case LinkType.linuxCooked:
      return behindType(bytes, start + 14, end, 2);
    case LinkType.linuxCooked2: // the type stands first, in a header of 20 bytes
      return behindType(bytes, start, end, 20);
    case LinkType.null:
    case LinkType.loop:
      // Four bytes of address family, whose numbers differ from system to system: the IP header tells it as well.
      return start + 4 < end ? start + 4 : -1;
    case LinkType.raw:
    case LinkType.rawBsd:
    case LinkType.rawOpenbsd:
    case LinkType.ipv4:
    case LinkType.ipv6:
      return start;
    default:
      return -1;
  }
}

/** Whether packets of this link type can be read. */
export function knowsLinkType(linkType: number): boolean {
  return Object.values<number>(LinkType).includes(linkType);
}

/** `at` is where the type stands, and `step` how far behind it the next header begins. */
function behindType(bytes: Uint8Array, at: number, end: number, step: number): number {
  let typeAt = at;
  let next = at + step;
  while (next <= end) {
    const type = (bytes[typeAt]! << 8) | bytes[typeAt + 1]!;
    if (isIp(type)) return next;
    if (!isVlanTag(type)) return -1;
    typeAt = next + 2;
    next += VLAN_TAG;
  }
  return -1;
}
