import {
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_HEADER,
  IPV4_IS_FRAGMENT,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  PROTOCOL_TCP,
} from '../net/ipv4.js';
import {
  IPV6_DESTINATION,
  IPV6_HEADER,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
  isSkippableExtension,
  NEXT_FRAGMENT,
} from '../net/ipv6.js';
import { TCP_ACKNOWLEDGMENT, TCP_DATA_OFFSET, TCP_FLAGS, TCP_HEADER, TCP_SEQUENCE } from '../net/tcp.js';
import { networkOffset } from './link-type.js';

/**
 * Why a packet is no TCP segment that can be looked at:
 * - `not-ip`: another protocol above the link layer, or a link layer that is not known;
 * - `not-tcp`: another protocol above IP;
 * - `fragment`: a piece of a packet; balancers and receivers do not look into those either;
 * - `malformed`: a length that cannot be, which a receiver drops as well;
 * - `cut-short`: the capture has less of it than the TCP header's first 20 bytes.
 */
export type SkipReason = 'not-ip' | 'not-tcp' | 'fragment' | 'malformed' | 'cut-short';

export const skipReasons: readonly SkipReason[] = ['not-ip', 'not-tcp', 'fragment', 'malformed', 'cut-short'];

const NEXT_AUTHENTICATION = 51;

/** A TCP segment within captured bytes. One object is moved from packet to packet, so that none is made for each. */
export class Segment {
  bytes: Uint8Array = new Uint8Array();
  family: 4 | 6 = 4;
  /** Offsets of the addresses and of the TCP header. */
  source = 0;
  destination = 0;
  tcp = 0;
  /** Bytes that the TCP header has, options included; of them, `captured` are there. */
  headerLength = 0;
  captured = 0;
  /** Bytes of data behind the header, by what the IP header says: the capture may have fewer. */
  dataLength = 0;

  /** Moves to the packet in `[start, end)` of `bytes`; tells why that cannot be, or undefined. */
  locate(bytes: Uint8Array, start: number, end: number, linkType: number): SkipReason | undefined {
    this.bytes = bytes;
    const ip = networkOffset(bytes, start, end, linkType);
    if (ip < 0) return 'not-ip';
    if (ip >= end) return 'cut-short';
    const version = bytes[ip]! >> 4;
    if (version === 4) return this.#locateIpv4(ip, end);
    if (version === 6) return this.#locateIpv6(ip, end);
    return 'not-ip';
  }

  get sourcePort(): number {
    return this.#uint16(this.tcp);
  }

  get destinationPort(): number {
    return this.#uint16(this.tcp + 2);
  }

  get flags(): number {
    return this.bytes[this.tcp + TCP_FLAGS]!;
  }

  /** Signed, as bit operations want it. */
  get sequence(): number {
    return this.#int32(this.tcp + TCP_SEQUENCE);
  }

  /** Signed. */
  get acknowledgment(): number {
    return this.#int32(this.tcp + TCP_ACKNOWLEDGMENT);
  }

  /** From the source port to the end of the options, or of what was captured of them. */
  get header(): Uint8Array {
    return this.bytes.subarray(this.tcp, this.tcp + this.captured);
  }

  #locateIpv4(ip: number, end: number): SkipReason | undefined {
    const { bytes } = this;
    if (ip + IPV4_HEADER > end) return 'cut-short';
    if (bytes[ip + IPV4_PROTOCOL] !== PROTOCOL_TCP) return 'not-tcp';
    if ((this.#uint16(ip + IPV4_FRAGMENT) & IPV4_IS_FRAGMENT) !== 0) return 'fragment';
    const headerLength = (bytes[ip]! & 0xf) * 4;
    if (headerLength < IPV4_HEADER) return 'malformed';
    this.family = 4;
    this.source = ip + IPV4_SOURCE;
    this.destination = ip + IPV4_DESTINATION;
    return this.#locateTcp(
      ip + headerLength,
      this.#packetEnd(ip, this.#uint16(ip + IPV4_TOTAL_LENGTH), end),
      end,
    );
  }

  #locateIpv6(ip: number, end: number): SkipReason | undefined {
    const { bytes } = this;
    if (ip + IPV6_HEADER > end) return 'cut-short';
    this.family = 6;
    this.source = ip + IPV6_SOURCE;
    this.destination = ip + IPV6_DESTINATION;
    const payload = this.#uint16(ip + IPV6_PAYLOAD_LENGTH);
    const packetEnd = this.#packetEnd(ip, payload === 0 ? 0 : IPV6_HEADER + payload, end);
    let next = bytes[ip + IPV6_NEXT_HEADER]!;
    let at = ip + IPV6_HEADER;
    while (next !== PROTOCOL_TCP) {
      if (next === NEXT_FRAGMENT) return 'fragment';
      const authentication = next === NEXT_AUTHENTICATION;
      if (!authentication && !isSkippableExtension(next)) return 'not-tcp';
      if (at + 8 > end) return 'cut-short';
      next = bytes[at]!;
      // The authentication header counts words of four bytes (RFC 4302, 2.2), the others of eight (RFC 8200, 4).
      at += authentication ? 4 * (bytes[at + 1]! + 2) : 8 * (bytes[at + 1]! + 1);
    }
    return this.#locateTcp(at, packetEnd, end);
  }

  /** Where the packet ends by its own account. Senders that leave segmentation to the device may write no length: 0. */
  #packetEnd(ip: number, length: number, end: number): number {
    return length === 0 ? end : ip + length;
  }

  #locateTcp(tcp: number, packetEnd: number, end: number): SkipReason | undefined {
    if (tcp + TCP_HEADER > packetEnd) return 'malformed';
    if (tcp + TCP_HEADER > end) return 'cut-short';
    const headerLength = (this.bytes[tcp + TCP_DATA_OFFSET]! >> 4) * 4;
    if (headerLength < TCP_HEADER || tcp + headerLength > packetEnd) return 'malformed';
    this.tcp = tcp;
    this.headerLength = headerLength;
    this.captured = Math.min(headerLength, end - tcp);
    this.dataLength = packetEnd - tcp - headerLength;
    return undefined;
  }

  #uint16(at: number): number {
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  #int32(at: number): number {
    const { bytes } = this;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }
}
