import { VNET_HEADER } from '../net/virtio.js';
import type { Frame } from './frame.js';
import { FRAME_SLOT, FramePool } from './frame-pool.js';

/** What the balancer makes itself (ARP, ND, ICMP, RST) and most segments fit this, headroom included. */
const SMALL_SLOT = 2048;

/** Frames of two sizes, a fixed number of each: so many can be in use. */
export class FramePools {
  readonly #small: FramePool;
  readonly #large: FramePool;

  constructor(small: number, large: number) {
    this.#small = new FramePool(small, SMALL_SLOT);
    this.#large = new FramePool(large, FRAME_SLOT);
  }

  /** Frames of up to about 1900 bytes that can still be taken. */
  get available(): number {
    return this.#small.available;
  }

  /** How many frames with room for `length` bytes can still be taken. */
  room(length: number): number {
    return this.#poolFor(length).available;
  }

  /** A frame with room for `length` bytes, or undefined when all are in use. */
  take(length: number): Frame | undefined {
    return this.#poolFor(length).take();
  }

  /** A copy of a frame, vnet header included, or undefined when there is no room. */
  copy(frame: Frame): Frame | undefined {
    const copy = this.take(frame.length);
    if (copy === undefined) return undefined;
    copy.bytes.set(
      frame.bytes.subarray(frame.start - VNET_HEADER, frame.start + frame.length),
      copy.start - VNET_HEADER,
    );
    copy.length = frame.length;
    copy.link = frame.link;
    return copy;
  }

  /** Gives a frame that came from `take` or `copy` back. */
  discard(frame: Frame): void {
    (this.#small.owns(frame) ? this.#small : this.#large).giveBack(frame);
  }

  #poolFor(length: number): FramePool {
    return length <= this.#small.largest ? this.#small : this.#large;
  }
}
