import { VNET_HEADER } from '../net/virtio.js';
import { Frame, HEADROOM } from './frame.js';

/** An IP packet of 65535 bytes with its Ethernet header, the vnet header and headroom; odd in cache lines, so that
 * the slots of a pool do not fall on the same cache sets. */
export const FRAME_SLOT = 1033 * 64;

/** A fixed number of frames of a fixed capacity, for what the balancer makes or keeps itself. */
export class FramePool {
  readonly #free: Frame[] = [];
  readonly #capacity: number;
  readonly #bytes: Uint8Array;

  /** @param capacity bytes of each slot, headroom and vnet header included */
  constructor(count: number, capacity: number) {
    this.#capacity = capacity;
    const bytes = new Uint8Array(count * capacity);
    this.#bytes = bytes;
    const view = new DataView(bytes.buffer);
    for (let i = count - 1; i >= 0; i--) {
      this.#free.push(new Frame(bytes, view).at(i * capacity + HEADROOM + VNET_HEADER, 0, 0));
    }
  }

  /** The largest frame that fits a slot, in bytes from the Ethernet header. */
  get largest(): number {
    return this.#capacity - HEADROOM - VNET_HEADER;
  }

  /** How many frames can still be taken. */
  get available(): number {
    return this.#free.length;
  }

  /** Whether the frame is one of this pool's. */
  owns(frame: Frame): boolean {
    return frame.bytes === this.#bytes;
  }

  /** An unused frame with its start at the usual headroom and its offloads cleared, or undefined when all are in use. */
  take(): Frame | undefined {
    const frame = this.#free.pop();
    frame?.clearOffloads();
    return frame;
  }

  /** Gives a frame of this pool back. Its start returns to the usual headroom. */
  giveBack(frame: Frame): void {
    frame.start = Math.floor(frame.start / this.#capacity) * this.#capacity + HEADROOM + VNET_HEADER;
    this.#free.push(frame);
  }
}
