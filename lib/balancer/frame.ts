import { clearVnetHeader, VNET_HEADER } from '../net/virtio.js';

/** Bytes that must be free before a frame's vnet header: 40 for TCP options, 40 for an outer IPv6 header, rounded up. */
export const HEADROOM = 96;

/**
 * A frame: a window on a buffer that somebody else owns, and what `parse` found in it. One object serves for any
 * number of frames; nothing here is allocated per packet.
 *
 * In the buffer, before `start` (the Ethernet header), stands the 10-byte virtio_net_hdr, and before that `HEADROOM`
 * free bytes: headers grow downwards. Addresses are four int32 words in network order, IPv4 as IPv4-mapped, so that
 * one path serves both families; int32 because V8 stores those without allocating.
 */
export class Frame {
  bytes: Uint8Array;
  view: DataView;
  /** Offset of the Ethernet header. */
  start = 0;
  /** Bytes from the Ethernet header to the end of the frame. */
  length = 0;
  /** The link it came from. */
  link = 0;

  /** Offset of the IP header. */
  l3 = 0;
  /** Offset of the transport header. */
  l4 = 0;
  /** 4, 6, or 0 when the frame is not IP. */
  family = 0;
  /** The transport protocol (IANA), behind IPv6's extension headers. */
  protocol = 0;
  source0 = 0;
  source1 = 0;
  source2 = 0;
  source3 = 0;
  destination0 = 0;
  destination1 = 0;
  destination2 = 0;
  destination3 = 0;
  /** Source port in the high 16 bits, destination port in the low ones, as they stand in the packet. */
  ports = 0;
  tcpFlags = 0;
  sequence = 0;
  acknowledgment = 0;
  /** Bytes of the TCP header with its options; of UDP's header, 8. */
  l4Length = 0;
  /** Bytes behind the transport header. */
  payload = 0;
  /** Whether the transport checksum is partial: the pseudo-header's sum, to be completed by the device. */
  partial = false;
  /** Payload bytes of each segment of a GSO frame, 0 for a single packet. */
  gsoSize = 0;
  /** Packets that this frame is on the wire: segments of a GSO frame, else 1. */
  segments = 1;
  /** Of a packet that came in fragments: the IP length of the largest, which its way can carry; else 0. */
  largestFragment = 0;

  /** Checksum deltas gathered while the packet is rewritten: of the IPv4 header, */
  ipDelta = 0;
  /** of the TCP pseudo-header, which a partial checksum is the sum of, */
  pseudoDelta = 0;
  /** and of the TCP header itself, which a partial checksum leaves to the device. */
  tcpDelta = 0;

  constructor(bytes: Uint8Array = new Uint8Array(0), view?: DataView) {
    this.bytes = bytes;
    this.view = view ?? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Points the window at another frame of the same buffer. */
  at(start: number, length: number, link: number): this {
    this.start = start;
    this.length = length;
    this.link = link;
    return this;
  }

  /** Says that the frame is one packet with complete checksums. */
  clearOffloads(): void {
    clearVnetHeader(this.view, this.start - VNET_HEADER);
    this.partial = false;
    this.gsoSize = 0;
    this.segments = 1;
  }
}
