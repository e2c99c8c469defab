import type { Frame } from './frame.js';
import { FramePools } from './frame-pools.js';

const SMALL_FRAMES = 512;
/** Copies of clients' and servers' frames that wait for a neighbor, and parts of split frames. */
const LARGE_FRAMES = 64;

/**
 * Frames that the balancer sends of its own accord, besides the one it was given: take one, fill it, `send` it or
 * `discard` it. Who runs the balancer drains them after each call and then calls `clear`.
 */
export class Emitted extends FramePools {
  readonly #frames: Frame[] = [];
  /** How many frames wait to be sent. */
  count = 0;

  constructor() {
    super(SMALL_FRAMES, LARGE_FRAMES);
  }

  /** Queues a frame that came from `take` or `copy` to leave by `link`. */
  send(frame: Frame, link: number): void {
    frame.link = link;
    this.#frames[this.count++] = frame;
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
}
