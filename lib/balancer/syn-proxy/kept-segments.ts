import { KEPT } from '../connection/record.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Emitted } from '../emitted.js';
import { copyParsed } from '../forwarding/split.js';
import type { Frame } from '../frame.js';
import { FramePools } from '../frame-pools.js';

/** Segments that all connections together can have waiting, and GSO frames of more than about 1900 bytes. */
const SEGMENTS = 1024;
const GSO_FRAMES = 32;

/**
 * Clients' segments that wait for the real server's answer, a list for each connection, in the order in which they
 * came. They have buffers of their own: however many wait, what the balancer has to answer finds some.
 */
export class KeptSegments {
  readonly #words: Int32Array;
  readonly #emitted: Emitted;
  readonly #counters: Counters;
  readonly #pools = new FramePools(SEGMENTS, GSO_FRAMES);
  /** By slot: the segment, and the next one's slot + 1. */
  readonly #frames = new Array<Frame | undefined>(SEGMENTS + GSO_FRAMES).fill(undefined);
  readonly #next = new Uint16Array(SEGMENTS + GSO_FRAMES);
  readonly #free = Array.from({ length: SEGMENTS + GSO_FRAMES }, (_, slot) => slot);

  constructor(words: Int32Array, emitted: Emitted, counters: Counters) {
    this.#words = words;
    this.#emitted = emitted;
    this.#counters = counters;
  }

  /** How many segments of the connection at `base` wait. */
  count(base: number): number {
    let count = 0;
    for (let link = this.#words[base + KEPT]!; link !== 0; link = this.#next[link - 1]!) count++;
    return count;
  }

  /** Keeps a copy of a parsed segment behind those that wait already. @returns false where no buffer is free */
  keep(base: number, segment: Frame): boolean {
    const kept = this.#pools.copy(segment);
    if (kept === undefined) return false;
    copyParsed(kept, segment);
    const slot = this.#free.pop()!;
    this.#frames[slot] = kept;
    this.#next[slot] = 0;
    const first = this.#words[base + KEPT]!;
    if (first === 0) this.#words[base + KEPT] = slot + 1;
    else this.#next[this.#lastOf(first)] = slot + 1;
    return true;
  }

  #lastOf(first: number): number {
    let slot = first - 1;
    while (this.#next[slot] !== 0) slot = this.#next[slot]! - 1;
    return slot;
  }

  /** The next segment, parsed, in a frame of `emitted`'s; undefined when none is left, or no frame. */
  release(base: number): Frame | undefined {
    const kept = this.#takeFirst(base);
    if (kept === undefined) return undefined;
    const copy = this.#emitted.copy(kept);
    if (copy === undefined) this.#counters.add(COUNTER['drop-out-of-buffers']);
    else copyParsed(copy, kept);
    this.#pools.discard(kept);
    return copy;
  }

  /** The connection's segments are of no use any more. */
  forget(base: number): void {
    for (let kept = this.#takeFirst(base); kept !== undefined; kept = this.#takeFirst(base)) {
      this.#pools.discard(kept);
    }
  }

  #takeFirst(base: number): Frame | undefined {
    const slot = this.#words[base + KEPT]! - 1;
    if (slot === -1) return undefined;
    this.#words[base + KEPT] = this.#next[slot]!;
    const kept = this.#frames[slot];
    this.#frames[slot] = undefined;
    this.#free.push(slot);
    return kept;
  }
}
