import { VNET_HEADER } from '../net/virtio.js';
import type { Frame } from './frame.js';
import { FRAME_SLOT, FramePool } from './frame-pool.js';

/** What the balancer makes itself (ARP, ND, ICMP, RST) fits this, headroom included. */
const SMALL_SLOT = 2048;
const SMALL_FRAMES = 512;
/** Copies of clients' and servers' frames that wait for a neighbor, and parts of split frames. */
const LARGE_FRAMES = 64;

/**
 * Frames that the balancer sends of its own accord, besides the one it was given: take one, fill it, `send` it. Who
 * runs the balancer drains them after each call and then calls `clear`.
 */
export class Emitted {
  readonly #small = new FramePool(SMALL_FRAMES, SMALL_SLOT);
  readonly #large = new FramePool(LARGE_FRAMES, FRAME_SLOT);
  readonly #frames: Frame[] = [];
  /** How many frames wait to be sent. */
  count = 0;

  /** Frames of up to about 1900 bytes that can still be taken: work that makes many stops before they run out. */
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

  /** Queues a frame that came from `take` or `copy` to leave by `link`. */
  send(frame: Frame, link: number): void {
    frame.link = link;
    this.#frames[this.count++] = frame;
  }

  /** Gives a taken frame back unsent. */
  discard(frame: Frame): void {
    (this.#small.owns(frame) ? this.#small : this.#large).giveBack(frame);
  }

  /** The `index`-th waiting frame, 0 to `count` - 1. */
  frame(index: number): Frame {
    return this.#frames[index]!;
  }

  /** The link that the `index`-th waiting frame leaves by. */
  link(index: number): number {
    return this.#frames[index]!.link;
  }

  /** All waiting frames were sent. */
  clear(): void {
    for (let i = 0; i < this.count; i++) this.discard(this.#frames[i]!);
    this.count = 0;
  }

  #poolFor(length: number): FramePool {
    return length <= this.#small.largest ? this.#small : this.#large;
  }
}
