import { type Endpoint, type Family, formatAddress } from '../net/address.js';

interface AddressesAt {
  readonly family: Family;
  readonly source: number;
  readonly destination: number;
}

/** A TCP header in its IP packet: a window on the packet's bytes, of which the addresses are read when they are asked for. */
export class TcpInIp {
  /** From the source port to the end of the packet or of the bytes given. */
  readonly tcpHeader: Uint8Array;
  readonly #packet: Uint8Array;
  readonly #at: AddressesAt;

  constructor(packet: Uint8Array, tcpHeader: Uint8Array, at: AddressesAt) {
    this.tcpHeader = tcpHeader;
    this.#packet = packet;
    this.#at = at;
  }

  get source(): Endpoint {
    return this.#endpoint(this.#at.source, 0);
  }

  get destination(): Endpoint {
    return this.#endpoint(this.#at.destination, 2);
  }

  #endpoint(address: number, port: number): Endpoint {
    const { family } = this.#at;
    return {
      address: formatAddress(this.#packet, address, family),
      port: readUint16(this.tcpHeader, port),
      family,
    };
  }
}

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const TCP_HEADER = 20;
const TCP = 6;

const IPV4_ADDRESSES: AddressesAt = { family: 4, source: 12, destination: 16 };
const IPV6_ADDRESSES: AddressesAt = { family: 6, source: 8, destination: 24 };

/**
 * Takes apart what the socket option TCP_SAVED_SYN returns: the IP header and the TCP header, verbatim (Linux tcp(7)).
 * The version nibble decides, for an IPv4 client of a dual-stack listener comes with an IPv4 header.
 * Undefined where the bytes are no such packet: cut short, another protocol, a later fragment. Never throws.
 */
export function readSavedSyn(packet: Uint8Array): TcpInIp | undefined {
  switch (packet.length > 0 && packet[0]! >> 4) {
    case 4:
      return readIpv4(packet);
    case 6:
      return readIpv6(packet);
    default:
      return undefined;
  }
}

function readIpv4(packet: Uint8Array): TcpInIp | undefined {
  if (packet.length < IPV4_HEADER) return undefined;
  const headerLength = (packet[0]! & 0xf) * 4;
  const fragmentOffset = readUint16(packet, 6) & 0x1fff;
  if (headerLength < IPV4_HEADER || fragmentOffset !== 0 || packet[9] !== TCP) return undefined;
  return readTcp(packet, headerLength, readUint16(packet, 2), IPV4_ADDRESSES);
}

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;

function readIpv6(packet: Uint8Array): TcpInIp | undefined {
  if (packet.length < IPV6_HEADER) return undefined;
  let protocol = packet[6]!;
  let offset = IPV6_HEADER;
  while (protocol !== TCP) {
    if (offset + 8 > packet.length) return undefined; // every extension header has at least 8 bytes
    const length = extensionLength(packet, offset, protocol);
    if (length === undefined) return undefined;
    protocol = packet[offset]!;
    offset += length;
  }
  return readTcp(packet, offset, IPV6_HEADER + readUint16(packet, 4), IPV6_ADDRESSES);
}

/** Bytes of the extension header (RFC 8200, section 4), or undefined where TCP cannot follow. */
function extensionLength(packet: Uint8Array, offset: number, protocol: number): number | undefined {
  switch (protocol) {
    case HOP_BY_HOP:
    case ROUTING:
    case DESTINATION_OPTIONS:
      return 8 * (packet[offset + 1]! + 1);
    case AUTHENTICATION: // counts words of four bytes (RFC 4302, 2.2)
      return 4 * (packet[offset + 1]! + 2);
    case FRAGMENT:
      return (readUint16(packet, offset + 2) & 0xfff8) === 0 ? 8 : undefined;
    default:
      return undefined;
  }
}

function readTcp(
  packet: Uint8Array,
  start: number,
  packetLength: number,
  at: AddressesAt,
): TcpInIp | undefined {
  const end = Math.min(packet.length, packetLength);
  if (start + TCP_HEADER > end) return undefined;
  return new TcpInIp(packet, packet.subarray(start, end), at);
}

function readUint16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}
