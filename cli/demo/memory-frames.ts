import { addressWords, parseAddress } from '../../lib/net/address.js';
import { ARP_LENGTH, ARP_REPLY, writeArp } from '../../lib/net/arp.js';
import { finish, sumWords } from '../../lib/net/checksum.js';
import {
  ETHERNET_HEADER,
  ETHERNET_SOURCE,
  ETHERNET_TYPE,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
} from '../../lib/net/ethernet.js';
import { IPV4_HEADER, PROTOCOL_TCP, writeIpv4 } from '../../lib/net/ipv4.js';
import { IPV6_HEADER, NEXT_ICMPV6, writeIpv6 } from '../../lib/net/ipv6.js';
import {
  NDP_FLAGS,
  NDP_LENGTH,
  NDP_NEIGHBOR_ADVERTISEMENT,
  NDP_OPTION_TARGET_MAC,
  NDP_OPTIONS,
  NDP_OVERRIDE,
  NDP_SOLICITED,
  NDP_TARGET,
} from '../../lib/net/ndp.js';
import {
  TCP_ACKNOWLEDGMENT,
  TCP_CHECKSUM,
  TCP_DATA_OFFSET,
  TCP_FLAGS,
  TCP_HEADER,
  TCP_SEQUENCE,
  TCP_WINDOW,
} from '../../lib/net/tcp.js';
import type { SeenEndpoint } from './rows.js';

/** The two stations of a frame, as MAC addresses of six bytes. */
export interface Stations {
  from: Uint8Array;
  to: Uint8Array;
}

/** A TCP segment between two endpoints. */
export interface Segment {
  from: SeenEndpoint;
  to: SeenEndpoint;
  /** SYN, ACK and so on, added up. */
  flags: number;
  sequence: number;
  acknowledgment: number;
  payload: string;
}

/** The frame of a TCP segment without options, with complete checksums. */
export function tcpFrame(stations: Stations, segment: Segment): Uint8Array {
  const payload = Buffer.from(segment.payload);
  const bytes = new Uint8Array(TCP_HEADER + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, segment.from.port);
  view.setUint16(2, segment.to.port);
  view.setUint32(TCP_SEQUENCE, segment.sequence);
  view.setUint32(TCP_ACKNOWLEDGMENT, segment.acknowledgment);
  view.setUint8(TCP_DATA_OFFSET, (TCP_HEADER / 4) << 4);
  view.setUint8(TCP_FLAGS, segment.flags);
  view.setUint16(TCP_WINDOW, 65535);
  bytes.set(payload, TCP_HEADER);
  const [from, to] = [addressBytes(segment.from.address), addressBytes(segment.to.address)];
  return ipFrame(stations, from, to, PROTOCOL_TCP, bytes, TCP_CHECKSUM);
}

/** Tells `asker` that the IPv4 address is at `stations.from` (RFC 826). */
export function arpReply(stations: Stations, address: Uint8Array, asker: Uint8Array): Uint8Array {
  const frame = new Uint8Array(ETHERNET_HEADER + ARP_LENGTH);
  const [fromHigh, fromLow] = macParts(stations.from);
  const [toHigh, toLow] = macParts(stations.to);
  const view = new DataView(frame.buffer);
  writeArp(view, 0, ARP_REPLY, fromHigh, fromLow, word(address), toHigh, toLow, word(asker));
  return frame;
}

/** Tells `asker` that the IPv6 address is at `stations.from` (RFC 4861 4.4). */
export function neighborAdvertisement(
  stations: Stations,
  address: Uint8Array,
  asker: Uint8Array,
): Uint8Array {
  const message = new Uint8Array(NDP_LENGTH);
  const view = new DataView(message.buffer);
  view.setUint8(0, NDP_NEIGHBOR_ADVERTISEMENT);
  view.setInt32(NDP_FLAGS, NDP_SOLICITED | NDP_OVERRIDE);
  message.set(address, NDP_TARGET);
  message.set([NDP_OPTION_TARGET_MAC, 1], NDP_OPTIONS);
  message.set(stations.from, NDP_OPTIONS + 2);
  return ipFrame(stations, address, asker, NEXT_ICMPV6, message, 2);
}

/** A frame whose payload has a checksum over itself and the pseudo-header, as TCP and ICMPv6 do. */
function ipFrame(
  stations: Stations,
  from: Uint8Array,
  to: Uint8Array,
  protocol: number,
  payload: Uint8Array,
  checksumAt: number,
): Uint8Array {
  const isIpv4 = from.length === 4;
  const l4 = ETHERNET_HEADER + (isIpv4 ? IPV4_HEADER : IPV6_HEADER);
  const frame = new Uint8Array(l4 + payload.length);
  const view = new DataView(frame.buffer);
  frame.set(stations.to);
  frame.set(stations.from, ETHERNET_SOURCE);
  view.setUint16(ETHERNET_TYPE, isIpv4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
  if (isIpv4)
    writeIpv4(view, ETHERNET_HEADER, frame.length - ETHERNET_HEADER, 64, protocol, word(from), word(to));
  else {
    const [source, destination] = [addressWords(from, 6), addressWords(to, 6)];
    // Neighbor discovery insists on 255, TCP does not mind.
    writeIpv6(view, ETHERNET_HEADER, payload.length, protocol, 255, source, destination);
  }
  frame.set(payload, l4);
  const addresses = sumWords(view, l4 - 2 * from.length, 2 * from.length);
  const sum = addresses + protocol + payload.length + sumWords(view, l4, payload.length);
  view.setUint16(l4 + checksumAt, finish(sum));
  return frame;
}

const addressBytes = (text: string) => parseAddress(text)?.bytes ?? new Uint8Array(4);

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const word = (address: Uint8Array) => viewOf(address).getInt32(0);

const macParts = (mac: Uint8Array): [high: number, low: number] => [
  viewOf(mac).getUint16(0),
  viewOf(mac).getInt32(2),
];
