import assert from 'node:assert/strict';
import { Frame, HEADROOM } from '../../lib/balancer/index.js';
import type { Mutator } from './mutator.js';

const VIRTIO_HEADER = 10;
const GUARD = 64;

/** A buffer that a frame is handed to a balancer in. */
export interface Slot {
  readonly frame: Frame;
  /** Puts a drawn frame in. */
  fill(drawn: Mutator): void;
  /** Fails where a byte outside of the frame and its headroom was written. */
  check(): void;
}

/** Ends where the frame ends, and begins where its headroom does: there is nothing outside to be read. */
export class ExactSlot implements Slot {
  readonly frame = new Frame();
  readonly #buffer: ArrayBuffer;
  /** By length: a view costs more to make than a frame to handle. */
  readonly #views = new Map<number, { bytes: Uint8Array; view: DataView }>();

  constructor(largest: number) {
    this.#buffer = new ArrayBuffer(HEADROOM + VIRTIO_HEADER + largest);
  }

  fill({ bytes, length, link }: Mutator): void {
    const { frame } = this;
    const views = this.#viewsOf(length);
    frame.bytes = views.bytes;
    frame.view = views.view;
    frame.bytes.fill(0, 0, HEADROOM);
    frame.bytes.set(bytes.subarray(0, VIRTIO_HEADER + length), HEADROOM);
    frame.at(HEADROOM + VIRTIO_HEADER, length, link);
  }

  check(): void {}

  #viewsOf(length: number): { bytes: Uint8Array; view: DataView } {
    const known = this.#views.get(length);
    if (known !== undefined) return known;
    const end = HEADROOM + VIRTIO_HEADER + length;
    const made = { bytes: new Uint8Array(this.#buffer, 0, end), view: new DataView(this.#buffer, 0, end) };
    this.#views.set(length, made);
    return made;
  }
}

/** Has guard bytes on both sides: what is written outside shows, and what is read there is not what the other slot has. */
export class GuardedSlot implements Slot {
  readonly frame: Frame;
  readonly #bytes: Buffer;
  readonly #guard = Buffer.alloc(GUARD, 0xa5);
  #end = 0;

  constructor(largest: number) {
    const bytes = new Uint8Array(2 * GUARD + HEADROOM + VIRTIO_HEADER + largest);
    this.frame = new Frame(bytes);
    this.#bytes = Buffer.from(bytes.buffer);
  }

  fill({ bytes, length, link }: Mutator): void {
    const start = GUARD + HEADROOM;
    this.#end = start + VIRTIO_HEADER + length;
    this.#bytes.fill(0xa5, 0, start);
    this.#bytes.set(bytes.subarray(0, VIRTIO_HEADER + length), start);
    this.#bytes.fill(0xa5, this.#end, this.#end + GUARD);
    this.frame.at(start + VIRTIO_HEADER, length, link);
  }

  check(): void {
    for (const at of [0, this.#end]) {
      const differs = this.#bytes.compare(this.#guard, 0, GUARD, at, at + GUARD) !== 0;
      assert.ok(!differs, at === 0 ? 'written before the headroom' : 'written behind the frame');
    }
  }
}
