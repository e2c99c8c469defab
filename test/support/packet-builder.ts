/**
 * Builds frames layer by layer, outermost first, as one would say it:
 * `packet().ethernet({ from: A, to: B }).ip({ from: '203.0.113.7', to: '198.51.100.10' }).tcp({ ... }).payload('hi')`.
 * Lengths, protocol numbers and checksums are filled in unless a field says otherwise, on purpose wrong ones
 * included. A builder is never changed: every method returns a new one, so a test can derive packets from a
 * common beginning. Shares no code with `lib/net`.
 */
import { checksumField, encodeTcp, type TcpFields } from './tcp-segment.js';
import { encodeVirtio, offloadHeader, type VirtioFields } from './virtio-header.js';
import { address, concat, internetChecksum, mac, PROTOCOL, u16, u32 } from './wire.js';

/** An address or a MAC: its text or its bytes. */
export type Text = string | Uint8Array;

type Checksum = TcpFields['checksum'];

export interface IpFields {
  readonly from: Text;
  readonly to: Text;
  /** Time to live or hop limit; default 64. */
  readonly ttl?: number;
  /** Type of service or traffic class; default 0. */
  readonly trafficClass?: number;
  /** Protocol or next header; default: what the next layer is. */
  readonly protocol?: number;
  /** Total length (IPv4) or payload length (IPv6), to lie about it. */
  readonly length?: number;
}

export interface Ipv4Fields extends IpFields {
  readonly id?: number;
  /** Default true. */
  readonly dontFragment?: boolean;
  readonly moreFragments?: boolean;
  /** In bytes, a multiple of eight. */
  readonly fragmentOffset?: number;
  readonly options?: Uint8Array;
  readonly checksum?: 'good' | 'bad';
  /** Header length in 32-bit words, to lie about it. */
  readonly headerWords?: number;
}

export interface Ipv6Fields extends IpFields {
  readonly flowLabel?: number;
}

export interface IcmpFields {
  readonly type: number;
  readonly code?: number;
  /** The four bytes behind the checksum: an MTU, an identifier with its sequence number, flags; default 0. */
  readonly rest?: number;
  readonly checksum?: Checksum;
}

export interface ArpFields {
  readonly operation: 'request' | 'reply';
  readonly senderMac: Text;
  readonly sender: Text;
  readonly targetMac?: Text;
  readonly target: Text;
}

/** A built frame: the Ethernet frame and the 10-byte virtio_net_hdr that stands before it on a packet socket. */
export interface BuiltFrame {
  readonly bytes: Uint8Array;
  readonly virtio: Uint8Array;
}

interface Surroundings {
  /** The layer inside this one. */
  readonly inner: Layer | undefined;
  /** The addresses of the nearest IP header outside. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  /** Whether transport checksums are left to the receiver of the frame. */
  readonly partial: boolean;
}

interface Layer {
  readonly etherType?: number;
  /** Number in the IP header's protocol field. */
  readonly protocol?: number;
  /** Set by IP headers: what the checksums inside cover. */
  readonly addresses?: { readonly from: Uint8Array; readonly to: Uint8Array };
  encode(payload: Uint8Array, around: Surroundings): Uint8Array;
}

/** An empty packet, to be given layers. */
export function packet(): PacketBuilder {
  return new PacketBuilder([], undefined);
}

export class PacketBuilder {
  readonly #layers: readonly Layer[];
  readonly #offload: VirtioFields | undefined;

  constructor(layers: readonly Layer[], offload: VirtioFields | undefined) {
    this.#layers = layers;
    this.#offload = offload;
  }

  ethernet(fields: { from: Text; to: Text; type?: number }): PacketBuilder {
    return this.#with({
      encode: (payload, { inner }) =>
        concat(
          macBytes(fields.to),
          macBytes(fields.from),
          u16(fields.type ?? inner?.etherType ?? 0),
          payload,
        ),
    });
  }

  arp(fields: ArpFields): PacketBuilder {
    const operation = fields.operation === 'request' ? 1 : 2;
    return this.#with({
      etherType: 0x0806,
      encode: (payload) =>
        concat(
          Uint8Array.of(0, 1, 8, 0, 6, 4, 0, operation),
          macBytes(fields.senderMac),
          addressBytes(fields.sender),
          macBytes(fields.targetMac ?? new Uint8Array(6)),
          addressBytes(fields.target),
          payload,
        ),
    });
  }

  /** IPv4 or IPv6, as the addresses say. */
  ip(fields: Ipv4Fields & Ipv6Fields): PacketBuilder {
    return addressBytes(fields.from).length === 4 ? this.ipv4(fields) : this.ipv6(fields);
  }

  ipv4(fields: Ipv4Fields): PacketBuilder {
    const from = addressBytes(fields.from);
    const to = addressBytes(fields.to);
    const { options = new Uint8Array(), fragmentOffset = 0 } = fields;
    const flags = (fields.dontFragment === false ? 0 : 0x4000) | (fields.moreFragments ? 0x2000 : 0);
    return this.#with({
      etherType: 0x0800,
      protocol: PROTOCOL.ipip,
      addresses: { from, to },
      encode: (payload, { inner }) => {
        const words = fields.headerWords ?? 5 + options.length / 4;
        const header = concat(
          Uint8Array.of(0x40 | words, fields.trafficClass ?? 0),
          u16(fields.length ?? 20 + options.length + payload.length),
          u16(fields.id ?? 0),
          u16(flags | (fragmentOffset / 8)),
          Uint8Array.of(fields.ttl ?? 64, fields.protocol ?? inner?.protocol ?? 255, 0, 0),
          from,
          to,
          options,
        );
        header.set(u16(internetChecksum(header) ^ (fields.checksum === 'bad' ? 1 : 0)), 10);
        return concat(header, payload);
      },
    });
  }

  ipv6(fields: Ipv6Fields): PacketBuilder {
    const from = addressBytes(fields.from);
    const to = addressBytes(fields.to);
    return this.#with({
      etherType: 0x86dd,
      protocol: PROTOCOL.ipv6,
      addresses: { from, to },
      encode: (payload, { inner }) =>
        concat(
          u32(0x60000000 + (fields.trafficClass ?? 0) * 0x100000 + (fields.flowLabel ?? 0)),
          u16(fields.length ?? payload.length),
          Uint8Array.of(fields.protocol ?? inner?.protocol ?? 59, fields.ttl ?? 64),
          from,
          to,
          payload,
        ),
    });
  }

  /**
   * An IPv6 extension header of the usual form (RFC 8200 4.2), `body` padded to a multiple of eight with zeros;
   * `next` names what follows unless the next layer does.
   */
  extension(type: number, body: Uint8Array = Uint8Array.of(1, 4), next = 59): PacketBuilder {
    const words = Math.ceil((2 + body.length) / 8);
    return this.#with({
      protocol: type,
      encode: (payload, { inner }) =>
        concat(
          Uint8Array.of(inner?.protocol ?? next, words - 1),
          body,
          new Uint8Array(8 * words - 2 - body.length),
          payload,
        ),
    });
  }

  /** An IPv6 fragment header; `offset` in bytes, `protocol` of the whole packet unless the next layer says so. */
  fragment(fields: { offset: number; more: boolean; id?: number; protocol?: number }): PacketBuilder {
    return this.#with({
      protocol: 44,
      encode: (payload, { inner }) =>
        concat(
          Uint8Array.of(fields.protocol ?? inner?.protocol ?? 59, 0),
          u16(fields.offset | (fields.more ? 1 : 0)),
          u32(fields.id ?? 1),
          payload,
        ),
    });
  }

  tcp(fields: TcpFields): PacketBuilder {
    return this.#with({
      protocol: PROTOCOL.tcp,
      encode: (payload, { from, to, partial }) =>
        encodeTcp({ ...fields, ...(partial && { checksum: 'partial' }) }, payload, from, to),
    });
  }

  /** A TCP segment that is bytes already, checksum included. */
  tcpBytes(segment: Uint8Array): PacketBuilder {
    return this.#with({ protocol: PROTOCOL.tcp, encode: (payload) => concat(segment, payload) });
  }

  udp(fields: { from: number; to: number; checksum?: Checksum }): PacketBuilder {
    return this.#with({
      protocol: PROTOCOL.udp,
      encode: (payload, { from, to }) => {
        const datagram = concat(u16(fields.from), u16(fields.to), u16(8 + payload.length), u16(0), payload);
        datagram.set(u16(checksumField(fields.checksum ?? 'good', datagram, from, to, PROTOCOL.udp)), 6);
        return datagram;
      },
    });
  }

  /** ICMP of the family of the IP header outside. */
  icmp(fields: IcmpFields): PacketBuilder {
    const { type, code = 0, rest = 0, checksum = 'good' } = fields;
    const family = this.#addresses()?.from.length === 16 ? 6 : 4;
    return this.#with({
      protocol: family === 6 ? PROTOCOL.icmpv6 : PROTOCOL.icmp,
      encode: (payload, { from, to }) => {
        const message = concat(Uint8Array.of(type, code, 0, 0), u32(rest), payload);
        const good = internetChecksum(message);
        const value =
          family === 6
            ? checksumField(checksum, message, from, to, PROTOCOL.icmpv6)
            : typeof checksum === 'number'
              ? checksum
              : good ^ (checksum === 'bad' ? 1 : 0);
        message.set(u16(value), 2);
        return message;
      },
    });
  }

  /** ICMPv6 neighbor solicitation (RFC 4861 4.3). */
  neighborSolicitation(fields: { target: Text; sourceMac?: Text }): PacketBuilder {
    const option = fields.sourceMac === undefined ? [] : [Uint8Array.of(1, 1), macBytes(fields.sourceMac)];
    return this.icmp({ type: 135 }).payload(concat(addressBytes(fields.target), ...option));
  }

  /** ICMPv6 neighbor advertisement (RFC 4861 4.4); flags are letters: R router, S solicited, O override. */
  neighborAdvertisement(fields: { target: Text; targetMac?: Text; flags?: string }): PacketBuilder {
    const option = fields.targetMac === undefined ? [] : [Uint8Array.of(2, 1), macBytes(fields.targetMac)];
    const rest = [...(fields.flags ?? '')].reduce((sum, flag) => sum + 2 ** (31 - 'RSO'.indexOf(flag)), 0);
    return this.icmp({ type: 136, rest }).payload(concat(addressBytes(fields.target), ...option));
  }

  /** Text, bytes, another packet (inside an ICMP error), or as many bytes of a fixed pattern. */
  payload(content: string | Uint8Array | PacketBuilder | number): PacketBuilder {
    const bytes = contentBytes(content);
    return this.#with({ encode: (rest) => concat(bytes, rest) });
  }

  /** Leaves the transport checksum to the receiver (NEEDS_CSUM), and segmentation too when `gsoSize` is given. */
  offload(fields: VirtioFields = {}): PacketBuilder {
    return new PacketBuilder(this.#layers, fields);
  }

  build(): BuiltFrame {
    let bytes: Uint8Array = new Uint8Array();
    let transportLength = 0;
    let inner: Layer | undefined;
    for (let i = this.#layers.length - 1; i >= 0; i--) {
      const layer = this.#layers[i]!;
      const { from, to } = this.#addresses(i) ?? { from: new Uint8Array(4), to: new Uint8Array(4) };
      bytes = layer.encode(bytes, { inner, from, to, partial: this.#offload !== undefined });
      if (layer.protocol === PROTOCOL.tcp) transportLength = bytes.length;
      inner = layer;
    }
    const virtio =
      this.#offload === undefined
        ? encodeVirtio({})
        : offloadHeader(this.#offload, bytes, bytes.length - transportLength);
    return { bytes, virtio };
  }

  /** The frame's bytes alone. */
  bytes(): Uint8Array {
    return this.build().bytes;
  }

  #addresses(before = this.#layers.length): Layer['addresses'] {
    return this.#layers.slice(0, before).findLast((layer) => layer.addresses !== undefined)?.addresses;
  }

  #with(layer: Layer): PacketBuilder {
    return new PacketBuilder([...this.#layers, layer], this.#offload);
  }
}

/** `length` bytes that differ from their neighbors, from their mirror image and with `seed`. */
export function pattern(length: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + (i >> 8) * 7 + seed;
  return bytes;
}

function contentBytes(content: string | Uint8Array | PacketBuilder | number): Uint8Array {
  if (typeof content === 'number') return pattern(content);
  if (typeof content === 'string') return new TextEncoder().encode(content);
  return content instanceof PacketBuilder ? content.bytes() : content;
}

function addressBytes(text: Text): Uint8Array {
  return typeof text === 'string' ? address(text) : text;
}

function macBytes(text: Text): Uint8Array {
  return typeof text === 'string' ? mac(text) : text;
}
