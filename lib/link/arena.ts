import { VNET_HEADER } from '../net/virtio.js';

/** Bytes free before a frame's virtio_net_hdr, for options and an outer header; `HEADROOM` of the balancer. */
export const ARENA_HEADROOM = 96;

/** What a frame may be long: an IP packet of 65535 bytes, its Ethernet header and a VLAN tag. */
const FRAME_MAX = 65535 + 18;

/** Bytes from one slot to the next. An odd number of cache lines, so that slots do not share cache sets. */
export const SLOT = 1033 * 64;

/** The buffer that all links of one balancer share. Pages not touched cost no memory. */
export class Arena {
  readonly bytes: Uint8Array;
  /** What may be written from a slot's virtio_net_hdr on. */
  static readonly capacity = VNET_HEADER + FRAME_MAX;
  #next = 0;

  /** @param bytes room for all links together; for packet sockets from the addon's `allocatePages` */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Takes room for one frame for good; the offset of its frame, 10 bytes behind its virtio_net_hdr. */
  slot(): number {
    return this.region(SLOT) + ARENA_HEADROOM + VNET_HEADER;
  }

  /** Takes so many bytes for good; the offset of the first. */
  region(bytes: number): number {
    const start = this.#next;
    if (start + bytes > this.bytes.length)
      throw new RangeError(`the arena has no ${bytes} bytes left at ${start}`);
    this.#next += bytes;
    return start;
  }
}
