import { type PacketBuilder, packet } from '../support/packet-builder.js';
import { PROTOCOL } from '../support/wire.js';

/** An IP packet to be cut: both ends, its headers, and what it carries. */
export interface Datagram {
  readonly from: string;
  readonly to: string;
  /** The transport header and its data. */
  readonly body: Uint8Array;
  readonly id: number;
  /** Default UDP. */
  readonly protocol?: number;
  readonly trafficClass?: number;
  readonly ttl?: number;
  /** Default false. */
  readonly dontFragment?: boolean;
  /** IPv4 options as the whole packet and its first fragment have them, */
  readonly options?: Uint8Array;
  /** and as the other fragments do. */
  readonly laterOptions?: Uint8Array;
  /** IPv6 extension headers that stand before the fragment header. */
  readonly extensions?: readonly number[];
  /** What stands before the IP header; default nothing. */
  readonly below?: PacketBuilder;
}

/** The packet before it is cut. */
export function wholeOf(datagram: Datagram): PacketBuilder {
  const { below = packet(), body, protocol = PROTOCOL.udp, extensions = [], ...ip } = datagram;
  const ownProtocol = extensions.length === 0 ? { protocol } : {};
  const headers = extensions.reduce<PacketBuilder>(
    (builder, type, i) =>
      i === extensions.length - 1 ? builder.extension(type, undefined, protocol) : builder.extension(type),
    below.ip({ ...ip, dontFragment: ip.dontFragment ?? false, ...ownProtocol }),
  );
  return headers.payload(body);
}

/** The fragment that carries the bytes of the body from `offset` up to `end`. */
export function fragmentOf(datagram: Datagram, offset: number, end: number, more: boolean): PacketBuilder {
  const { below = packet(), body, protocol = PROTOCOL.udp, id, extensions = [], ...ip } = datagram;
  const piece = body.slice(offset, end);
  if (ip.from.includes(':')) {
    const headers = extensions.reduce<PacketBuilder>(
      (builder, type) => builder.extension(type),
      below.ip(ip),
    );
    return headers.fragment({ offset, more, id, protocol }).payload(piece);
  }
  const options = (offset === 0 ? ip.options : ip.laterOptions) ?? new Uint8Array();
  const { dontFragment = false } = ip;
  const place = { id, fragmentOffset: offset, moreFragments: more };
  return below.ip({ ...ip, ...place, dontFragment, protocol, options }).payload(piece);
}

/** All fragments of a packet where each may carry `payload` bytes, a multiple of 8, of its body. */
export function fragmentsOf(datagram: Datagram, payload: number): PacketBuilder[] {
  const { length } = datagram.body;
  return Array.from({ length: Math.ceil(length / payload) }, (_, i) => {
    const end = Math.min((i + 1) * payload, length);
    return fragmentOf(datagram, i * payload, end, end < length);
  });
}
