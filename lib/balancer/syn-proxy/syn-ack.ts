import {
  applyDelta,
  completeChecksum,
  delta16,
  delta32,
  fold,
  negate,
  sumWords,
} from '../../net/checksum.js';
import {
  ETHERNET_HEADER,
  ETHERNET_SOURCE,
  ETHERNET_TYPE,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  writeMacs,
} from '../../net/ethernet.js';
import { IPV4_HEADER, PROTOCOL_TCP, writeIpv4 } from '../../net/ipv4.js';
import { IPV6_HEADER, writeIpv6At } from '../../net/ipv6.js';
import {
  ACK,
  SYN,
  TCP_ACKNOWLEDGMENT,
  TCP_CHECKSUM,
  TCP_DATA_OFFSET,
  TCP_SEQUENCE,
  TCP_URGENT,
} from '../../net/tcp.js';
import { swapPorts } from '../connection/record.js';
import type { Frame } from '../frame.js';
import type { LinkPort } from '../link-port.js';

/** The most that can be told without a scale, which a SYN-ACK's never has. The real server's follows with its first ACK. */
const WINDOW = 0xffff;

/** VIP, then client. */
const ends = new Int32Array(8);

/**
 * Makes a checksum that was left to the device complete, for what follows changes all of the header: from here on a
 * SYN's is as good as its sender made it, and so will the answer's be.
 */
export function completeSyn({ view, start, length, l4, partial }: Frame): void {
  if (partial) completeChecksum(view, l4, start + length, l4 + TCP_CHECKSUM);
}

/**
 * Turns a client's SYN into the SYN-ACK that answers it, in place, behind options that were answered: `frame.tcpDelta`
 * is theirs. Data in the SYN, options and extension headers of IP and ECN are left out. The headers before TCP's are
 * written anew, right before it.
 */
export function turnIntoSynAck(frame: Frame, link: LinkPort, cookie: number, ttl: number): void {
  const { view, family, l4, l4Length } = frame;
  const macHigh = view.getUint16(frame.start + ETHERNET_SOURCE);
  const macLow = view.getInt32(frame.start + ETHERNET_SOURCE + 2);
  writeTcp(frame, cookie);

  const ipHeader = family === 4 ? IPV4_HEADER : IPV6_HEADER;
  frame.l3 = l4 - ipHeader;
  frame.start = frame.l3 - ETHERNET_HEADER;
  frame.length = ETHERNET_HEADER + ipHeader + l4Length;
  frame.payload = 0;
  frame.clearOffloads();
  writeMacs(view, frame.start, macHigh, macLow, link.macHigh, link.macLow);
  view.setUint16(frame.start + ETHERNET_TYPE, family === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
  if (family === 4) {
    const { source3, destination3 } = frame;
    writeIpv4(view, frame.l3, IPV4_HEADER + l4Length, ttl, PROTOCOL_TCP, destination3, source3);
    return;
  }
  ends[0] = frame.destination0;
  ends[1] = frame.destination1;
  ends[2] = frame.destination2;
  ends[3] = frame.destination3;
  ends[4] = frame.source0;
  ends[5] = frame.source1;
  ends[6] = frame.source2;
  ends[7] = frame.source3;
  writeIpv6At(view, frame.l3, l4Length, PROTOCOL_TCP, ttl, ends, 0, 4);
}

/** Addresses and ports change places, which leaves the checksum as it is. */
function writeTcp(
  { view, l4, l4Length, ports, sequence, acknowledgment, payload, tcpDelta }: Frame,
  cookie: number,
): void {
  const offsetFlagsWindow = (l4Length << 26) | ((SYN | ACK) << 16) | WINDOW;
  const next = (sequence + 1) | 0;
  let delta = tcpDelta;
  delta += delta32(sequence, cookie) + delta32(acknowledgment, next);
  delta += delta32(view.getInt32(l4 + TCP_DATA_OFFSET), offsetFlagsWindow);
  delta += delta16(view.getUint16(l4 + TCP_URGENT), 0);
  if (payload !== 0) {
    delta += delta16(l4Length + payload, l4Length);
    delta += negate(fold(sumWords(view, l4 + l4Length, payload)));
  }
  view.setInt32(l4, swapPorts(ports));
  view.setInt32(l4 + TCP_SEQUENCE, cookie);
  view.setInt32(l4 + TCP_ACKNOWLEDGMENT, next);
  view.setInt32(l4 + TCP_DATA_OFFSET, offsetFlagsWindow);
  view.setUint16(l4 + TCP_URGENT, 0);
  applyDelta(view, l4 + TCP_CHECKSUM, delta);
}
