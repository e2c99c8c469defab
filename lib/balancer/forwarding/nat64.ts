import { ETHERNET_TYPE, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../../net/ethernet.js';
import {
  VNET_CHECKSUM_START,
  VNET_GSO_ECN,
  VNET_GSO_NONE,
  VNET_GSO_TCPV4,
  VNET_GSO_TCPV6,
  VNET_GSO_TYPE,
  VNET_HEADER,
  VNET_HEADER_LENGTH,
  VNET_LITTLE_ENDIAN,
} from '../../net/virtio.js';
import type { Frame } from '../frame.js';
import { HEADER_DIFFERENCE, mayBeCut, replaceWithIpv4, replaceWithIpv6 } from './family.js';
import type { Forwarding } from './forwarding.js';
import { outgrowsIp, splitGso } from './split.js';
import { packetLength, toaRoom } from './toa.js';
import { translation } from './translation.js';

/**
 * FULLNAT for IPv6 clients and IPv4 real servers (NAT64; RFC 7915 says what becomes of the headers). All but the step
 * between the families is as in FULLNAT over IPv6, with IPv4-mapped addresses on the real server's side.
 */
export const nat64: Forwarding = {
  growth: () => -HEADER_DIFFERENCE,
  growthToClient: HEADER_DIFFERENCE,

  /** IPv4's length field counts its header too: a GSO frame may outgrow it without an option. */
  splitAhead(frame, _words, _base, toa, emitted, counters) {
    if (!outgrowsIp(frame, HEADER_DIFFERENCE + toaRoom(toa.format))) return undefined;
    return splitGso(frame, emitted, counters);
  },

  toServer(frame, words, base, toa, mtu, counters) {
    // What came with a fragment header may be cut on (RFC 7915 5.1.1).
    const isFragment = frame.largestFragment !== 0;
    const cuttable = isFragment || mayBeCut(packetLength(frame) - (frame.l4 - frame.l3));
    translation.toServer(frame, words, base, toa, mtu + HEADER_DIFFERENCE, counters);
    const { start } = frame;
    replaceWithIpv4(frame, frame.l4Length + frame.payload, cuttable);
    nameFamily(frame, frame.start - start, ETHERTYPE_IPV4, VNET_GSO_TCPV4);
  },

  toClient(frame, words, base, toa, serverMtu, counters) {
    const { start } = frame;
    replaceWithIpv6(frame, frame.l4Length + frame.payload);
    nameFamily(frame, frame.start - start, ETHERTYPE_IPV6, VNET_GSO_TCPV6);
    // What the client sends will be shorter by as much when it goes the way that this MTU is of.
    translation.toClient(frame, words, base, toa, serverMtu + HEADER_DIFFERENCE, counters);
  },
};

/** Says in the vnet and Ethernet headers that the packet is of the other family, and its headers `by` bytes shorter. */
function nameFamily({ bytes, view, start }: Frame, by: number, etherType: number, gsoType: number): void {
  view.setUint16(start + ETHERNET_TYPE, etherType);
  const vnet = start - VNET_HEADER;
  lower(view, vnet + VNET_CHECKSUM_START, by);
  lower(view, vnet + VNET_HEADER_LENGTH, by);
  const type = bytes[vnet + VNET_GSO_TYPE]!;
  if ((type & ~VNET_GSO_ECN) !== VNET_GSO_NONE) {
    bytes[vnet + VNET_GSO_TYPE] = gsoType | (type & VNET_GSO_ECN);
  }
}

/** Lowers an offset in the vnet header, where it says one. */
function lower(view: DataView, at: number, by: number): void {
  const offset = view.getUint16(at, VNET_LITTLE_ENDIAN);
  if (offset !== 0) view.setUint16(at, offset - by, VNET_LITTLE_ENDIAN);
}
