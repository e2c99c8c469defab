import { ETHERNET_HEADER } from '../net/ethernet.js';
import { ICMP_HEADER } from '../net/icmp.js';
import {
  IPV4_DONT_FRAGMENT,
  IPV4_FRAGMENT,
  IPV4_ID,
  IPV4_MORE_FRAGMENTS,
  IPV4_OFFSET_MASK,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../net/ipv4.js';
import {
  FRAGMENT_HEADER,
  FRAGMENT_ID,
  FRAGMENT_MORE,
  FRAGMENT_OFFSET,
  FRAGMENT_OFFSET_MASK,
  IPV6_HEADER,
  isSkippableExtension,
  NEXT_ICMPV6,
} from '../net/ipv6.js';
import { TCP_HEADER } from '../net/tcp.js';
import { UDP_HEADER } from '../net/udp.js';
import { COUNTER } from './counters.js';
import { PAGE } from './fragment-store.js';
import type { Frame } from './frame.js';
import { PARSED } from './parse.js';

/** What a fragment says of itself; one object serves for any number. */
export class FragmentFields {
  id = 0;
  /** Where its bytes belong in the datagram: a multiple of 8. */
  at = 0;
  /** Its bytes. */
  length = 0;
  /** Whether others come behind. */
  more = false;
  /** Where in the buffer its bytes begin. */
  data = 0;
  dontFragment = false;
  /** The ECN codepoint, 0 to 3 (RFC 3168). */
  ecn = 0;

  /** @param frame for which `parse` said FRAGMENT */
  read(frame: Frame): void {
    const { view, l3, l4 } = frame;
    if (frame.family === 4) {
      const word = view.getUint16(l3 + IPV4_FRAGMENT);
      this.id = view.getUint16(l3 + IPV4_ID);
      this.at = (word & IPV4_OFFSET_MASK) << 3;
      this.more = (word & IPV4_MORE_FRAGMENTS) !== 0;
      this.dontFragment = (word & IPV4_DONT_FRAGMENT) !== 0;
      this.ecn = view.getUint8(l3 + 1) & 3;
      this.data = l4;
    } else {
      const word = view.getUint16(l4 + FRAGMENT_OFFSET);
      this.id = view.getInt32(l4 + FRAGMENT_ID);
      this.at = word & FRAGMENT_OFFSET_MASK;
      this.more = (word & FRAGMENT_MORE) !== 0;
      this.dontFragment = false;
      this.ecn = (view.getUint8(l3 + 1) >> 4) & 3;
      this.data = l4 + FRAGMENT_HEADER;
    }
    this.length = frame.start + frame.length - this.data;
  }

  /**
   * `PARSED`, or the counter that says why the fragment, taken by itself, must be dropped. Of headers a page is kept;
   * longer chains of IPv6's, which only jumbo frames could hold, are nothing that a host need take (RFC 8504 5.3).
   */
  fault(frame: Frame): number {
    if (this.length === 0 || (this.more && this.length % 8 !== 0)) return COUNTER['drop-fragment-bad-length'];
    const headers = this.data - frame.start;
    if (headers > PAGE) return COUNTER['drop-bad-ip-header'];
    if (isTooLong(frame.family, headers, this.at + this.length)) {
      return COUNTER['drop-fragment-too-long'];
    }
    return this.at === 0 && !this.#holdsTransportHeader(frame) ? COUNTER['drop-fragment-tiny'] : PARSED;
  }

  /**
   * Whether a first fragment holds all headers up to the transport's. One that does not is made to get past filters
   * (RFC 1858, RFC 3128), and is to be discarded (RFC 8200 4.5, RFC 7112). The other half of that trick, a second
   * fragment that begins within the header, would overlap the first.
   */
  #holdsTransportHeader({ view, protocol: protocolV4, family, l4, start, length }: Frame): boolean {
    const end = start + length;
    let at = this.data;
    let protocol = family === 4 ? protocolV4 : view.getUint8(l4);
    while (family === 6 && isSkippableExtension(protocol)) {
      if (at + 8 > end) return false;
      protocol = view.getUint8(at);
      at += (view.getUint8(at + 1) + 1) << 3;
    }
    return at + leastHeader(protocol) <= end;
  }
}

/**
 * Whether a datagram would be longer than its IP header can say (a "ping of death").
 * @param headers bytes from the Ethernet header to the datagram's, a fragment header included @param end of its bytes
 */
export function isTooLong(family: number, headers: number, end: number): boolean {
  const uncounted = ETHERNET_HEADER + (family === 4 ? 0 : IPV6_HEADER + FRAGMENT_HEADER);
  return headers - uncounted + end > 65535;
}

function leastHeader(protocol: number): number {
  if (protocol === PROTOCOL_TCP) return TCP_HEADER;
  if (protocol === PROTOCOL_UDP) return UDP_HEADER;
  return protocol === PROTOCOL_ICMP || protocol === NEXT_ICMPV6 ? ICMP_HEADER : 1;
}
