import { finish, sumWords } from '../net/checksum.js';
import {
  ETHERNET_HEADER,
  ETHERNET_TYPE,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  turnAround,
} from '../net/ethernet.js';
import { IPV4_HEADER, IPV4_SOURCE, PROTOCOL_TCP, writeIpv4 } from '../net/ipv4.js';
import { IPV6_HEADER, IPV6_SOURCE, writeIpv6 } from '../net/ipv6.js';
import { ACK, FIN, RST, SYN, TCP_CHECKSUM, TCP_HEADER } from '../net/tcp.js';
import { isIpv4 } from './address-words.js';
import type { Frame } from './frame.js';
import { OWN_TTL } from './icmp.js';
import type { LinkPort } from './link-port.js';

/** The most bytes that a reset's frame has. */
export const RESET_MAX = ETHERNET_HEADER + IPV6_HEADER + TCP_HEADER;

/**
 * Writes a bare RST segment, from the Ethernet type on; the MAC addresses are left to who sends it.
 * @param source, destination four words each @param ports source in the high 16 bits
 * @param acknowledgment used where `flags` has ACK, else 0 is sent
 */
export function writeReset(
  frame: Frame,
  source: Int32Array,
  destination: Int32Array,
  ports: number,
  sequence: number,
  acknowledgment: number,
  flags: number,
): void {
  const { view } = frame;
  const l3 = frame.start + ETHERNET_HEADER;
  const ipv4 = isIpv4(source);
  const l4 = l3 + (ipv4 ? IPV4_HEADER : IPV6_HEADER);
  view.setUint16(frame.start + ETHERNET_TYPE, ipv4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
  if (ipv4) writeIpv4(view, l3, IPV4_HEADER + TCP_HEADER, OWN_TTL, PROTOCOL_TCP, source[3]!, destination[3]!);
  else writeIpv6(view, l3, TCP_HEADER, PROTOCOL_TCP, OWN_TTL, source, destination);
  view.setInt32(l4, ports);
  view.setInt32(l4 + 4, sequence);
  view.setInt32(l4 + 8, (flags & ACK) !== 0 ? acknowledgment : 0);
  view.setInt32(l4 + 12, (5 << 28) | (flags << 16));
  view.setInt32(l4 + 16, 0);
  const addresses = ipv4 ? sumWords(view, l3 + IPV4_SOURCE, 8) : sumWords(view, l3 + IPV6_SOURCE, 32);
  view.setUint16(
    l4 + TCP_CHECKSUM,
    finish(addresses + PROTOCOL_TCP + TCP_HEADER + sumWords(view, l4, TCP_HEADER)),
  );
  frame.length = l4 + TCP_HEADER - frame.start;
}

const source = new Int32Array(4);
const destination = new Int32Array(4);

/**
 * Turns a TCP segment that belongs to no connection into the RST that answers it, in place (RFC 9293 3.10.7.1). Not
 * for a segment that is itself an RST.
 */
export function turnIntoReset(frame: Frame, link: LinkPort): void {
  source.set([frame.destination0, frame.destination1, frame.destination2, frame.destination3]);
  destination.set([frame.source0, frame.source1, frame.source2, frame.source3]);
  const { tcpFlags } = frame;
  const occupied = frame.payload + ((tcpFlags & SYN) !== 0 ? 1 : 0) + ((tcpFlags & FIN) !== 0 ? 1 : 0);
  const ports = (frame.ports << 16) | (frame.ports >>> 16);
  turnAround(frame.view, frame.start, link.macHigh, link.macLow);
  frame.clearOffloads();
  if ((tcpFlags & ACK) !== 0) writeReset(frame, source, destination, ports, frame.acknowledgment, 0, RST);
  else writeReset(frame, source, destination, ports, 0, (frame.sequence + occupied) | 0, RST | ACK);
}
