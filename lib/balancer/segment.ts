import { finish, sumWords } from '../net/checksum.js';
import { ETHERNET_HEADER, ETHERNET_TYPE, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../net/ethernet.js';
import { IPV4_HEADER, IPV4_SOURCE, PROTOCOL_TCP, writeIpv4 } from '../net/ipv4.js';
import { IPV6_HEADER, IPV6_SOURCE, writeIpv6 } from '../net/ipv6.js';
import { ACK, TCP_CHECKSUM, TCP_HEADER } from '../net/tcp.js';
import { isIpv4 } from './address-words.js';
import type { Frame } from './frame.js';
import { OWN_TTL } from './icmp.js';

/** No options, or no payload. */
export const NOTHING = new Uint8Array(0);

/** The most bytes that the frame of a segment without payload has. */
export const EMPTY_SEGMENT_MAX = ETHERNET_HEADER + IPV6_HEADER + TCP_HEADER;

/**
 * Writes a segment of our own, from the Ethernet type on; the MAC addresses are left to who sends it.
 * @param source, destination four words each @param ports source in the high 16 bits
 * @param acknowledgment used where `flags` has ACK, else 0 is sent
 * @param options padded to a multiple of 4 bytes
 */
export function writeSegment(
  frame: Frame,
  source: Int32Array,
  destination: Int32Array,
  ports: number,
  sequence: number,
  acknowledgment: number,
  flags: number,
  window: number,
  options: Uint8Array,
  payload: Uint8Array,
): void {
  const { bytes, view } = frame;
  const l3 = frame.start + ETHERNET_HEADER;
  const ipv4 = isIpv4(source);
  const l4 = l3 + (ipv4 ? IPV4_HEADER : IPV6_HEADER);
  const header = TCP_HEADER + options.length;
  const length = header + payload.length;
  view.setUint16(frame.start + ETHERNET_TYPE, ipv4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
  if (ipv4) writeIpv4(view, l3, IPV4_HEADER + length, OWN_TTL, PROTOCOL_TCP, source[3]!, destination[3]!);
  else writeIpv6(view, l3, length, PROTOCOL_TCP, OWN_TTL, source, destination);
  view.setInt32(l4, ports);
  view.setInt32(l4 + 4, sequence);
  view.setInt32(l4 + 8, (flags & ACK) !== 0 ? acknowledgment : 0);
  view.setInt32(l4 + 12, (header << 26) | (flags << 16) | window);
  view.setInt32(l4 + 16, 0);
  bytes.set(options, l4 + TCP_HEADER);
  bytes.set(payload, l4 + header);
  const addresses = ipv4 ? sumWords(view, l3 + IPV4_SOURCE, 8) : sumWords(view, l3 + IPV6_SOURCE, 32);
  const sum = addresses + PROTOCOL_TCP + length + sumWords(view, l4, length);
  view.setUint16(l4 + TCP_CHECKSUM, finish(sum));
  frame.length = l4 + length - frame.start;
}
