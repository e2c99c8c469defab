import {
  IPV4_FRAGMENT,
  IPV4_HEADER,
  IPV4_OFFSET_MASK,
  IPV4_PROTOCOL,
  IPV4_TOTAL_LENGTH,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../../net/ipv4.js';
import {
  FRAGMENT_HEADER,
  FRAGMENT_MORE,
  FRAGMENT_OFFSET,
  IPV6_HEADER,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  isSkippableExtension,
  NEXT_FRAGMENT,
} from '../../net/ipv6.js';
import { TCP_DATA_OFFSET, TCP_HEADER, TCP_SEQUENCE } from '../../net/tcp.js';
import { UDP_HEADER } from '../../net/udp.js';
import { isMapped } from '../address-words.js';
import { swapPorts } from '../connection/record.js';
import { COUNTER } from '../counters.js';
import type { Frame } from '../frame.js';
import { readIpv4Addresses, readIpv6Addresses } from '../packet-addresses.js';
import { PARSED } from '../parse.js';

/** What of a transport header an error quotes at least (RFC 792): the ports, and TCP's sequence number. */
const LEAST_QUOTED = 8;

/**
 * Reads the IP header of a packet that an ICMP error quotes. Whatever it says came from the network, and the packet is
 * cut off anywhere: nothing at or behind `end` is read.
 * @param quote becomes a window on the packet, from its IP header on, as far as it is quoted
 * @param family that it must be of @param at where it begins
 * @returns `PARSED`, or the counter that says why the error must be dropped
 */
export function readQuotedIp(quote: Frame, family: number, at: number, end: number): number {
  quote.start = at;
  quote.l3 = at;
  quote.length = end - at;
  quote.family = family;
  return family === 4 ? readIpv4(quote) : readIpv6(quote);
}

/** Bytes of the whole packet, as its header tells. */
export function quotedTotal({ view, l3, family }: Frame): number {
  return family === 4
    ? view.getUint16(l3 + IPV4_TOTAL_LENGTH)
    : IPV6_HEADER + view.getUint16(l3 + IPV6_PAYLOAD_LENGTH);
}

/** Bytes that are quoted from the transport header on. */
export function quotedTransport({ start, length, l4 }: Frame): number {
  return start + length - l4;
}

function readIpv4(quote: Frame): number {
  const { bytes, view, l3, length } = quote;
  if (length < IPV4_HEADER) return COUNTER['drop-icmp-malformed'];
  const headerLength = (bytes[l3]! & 15) << 2;
  if (bytes[l3]! >> 4 !== 4 || headerLength < IPV4_HEADER) return COUNTER['drop-icmp-malformed'];
  if ((view.getUint16(l3 + IPV4_FRAGMENT) & IPV4_OFFSET_MASK) !== 0) {
    return COUNTER['drop-icmp-about-fragment'];
  }
  quote.protocol = bytes[l3 + IPV4_PROTOCOL]!;
  quote.l4 = l3 + headerLength;
  readIpv4Addresses(quote);
  return trim(quote);
}

function readIpv6(quote: Frame): number {
  const { bytes, view, l3, length } = quote;
  if (length < IPV6_HEADER || bytes[l3]! >> 4 !== 6) return COUNTER['drop-icmp-malformed'];
  const end = l3 + length;
  let next = bytes[l3 + IPV6_NEXT_HEADER]!;
  let l4 = l3 + IPV6_HEADER;
  while (isSkippableExtension(next) || next === NEXT_FRAGMENT) {
    if (l4 + FRAGMENT_HEADER > end) return COUNTER['drop-icmp-malformed'];
    const isFragment = next === NEXT_FRAGMENT;
    if (isFragment && (view.getUint16(l4 + FRAGMENT_OFFSET) & ~FRAGMENT_MORE) !== 0) {
      return COUNTER['drop-icmp-about-fragment'];
    }
    next = bytes[l4]!;
    l4 += isFragment ? FRAGMENT_HEADER : (bytes[l4 + 1]! + 1) << 3;
  }
  quote.protocol = next;
  quote.l4 = l4;
  readIpv6Addresses(quote);
  // As on the wire: such an address would be taken for the IPv4 one.
  if (isMapped(quote.source0, quote.source1, quote.source2)) return COUNTER['drop-icmp-malformed'];
  return trim(quote);
}

/** Takes off what stands behind the packet, and makes sure that enough of it is there. */
function trim(quote: Frame): number {
  quote.length = Math.min(quote.length, quotedTotal(quote));
  return quotedTransport(quote) < LEAST_QUOTED ? COUNTER['drop-icmp-malformed'] : PARSED;
}

/** Reads the transport header of a packet whose IP header was read. @returns as `readQuotedIp` */
export function readQuotedTransport(quote: Frame): number {
  const { bytes, view, l4, protocol } = quote;
  const quoted = quotedTransport(quote);
  quote.ports = view.getInt32(l4);
  if (protocol === PROTOCOL_UDP) {
    quote.l4Length = UDP_HEADER;
    return PARSED;
  }
  if (protocol !== PROTOCOL_TCP) return COUNTER['drop-icmp-unknown-connection'];
  quote.sequence = view.getInt32(l4 + TCP_SEQUENCE);
  const claimed = quoted > TCP_DATA_OFFSET ? (bytes[l4 + TCP_DATA_OFFSET]! >> 4) << 2 : TCP_HEADER;
  quote.l4Length = Math.min(claimed, quoted);
  return PARSED;
}

/** Makes the window show the packet's answer: source and destination change places, in the window alone. */
export function turnRound(quote: Frame): void {
  const { source0, source1, source2, source3 } = quote;
  quote.source0 = quote.destination0;
  quote.source1 = quote.destination1;
  quote.source2 = quote.destination2;
  quote.source3 = quote.destination3;
  quote.destination0 = source0;
  quote.destination1 = source1;
  quote.destination2 = source2;
  quote.destination3 = source3;
  quote.ports = swapPorts(quote.ports);
}
