import { Frame, HEADROOM } from '../../lib/balancer/index.js';
import { VNET_HEADER } from '../../lib/net/virtio.js';
import { median } from '../support/statistics.js';
import type { NaiveRewriter } from './naive-rewriter.js';
import type { Arrival, KnownSegment, Scenario } from './scenario.js';

const BATCH = 64;
/** Room for a frame in the batch, with what must be free before it. */
const SLOT = 256;
const START = HEADROOM + VNET_HEADER;

/** Segments in random order, put in place a batch at a time, and something that processes them. */
export abstract class Replay {
  /**
   * The batch, and behind it every segment as it comes in: one buffer, so that copying allocates nothing. Those are
   * packed, each with an empty vnet header, so that they leave the cache to what is measured.
   */
  protected readonly bytes: Uint8Array;
  protected readonly lengths: Int32Array;
  protected readonly links: Int32Array;
  readonly #count: number;
  /** Where each segment stands. */
  readonly #stored: Int32Array;

  constructor(known: readonly Arrival[]) {
    const segments = shuffle(known);
    // Whole batches: the segments of 16 connections make half a one.
    while (segments.length % BATCH !== 0) segments.push(...shuffle(known));
    this.#count = segments.length;
    this.lengths = Int32Array.from(segments, ({ bytes }) => bytes.length);
    this.links = Int32Array.from(segments, ({ link }) => link);
    let end = BATCH * SLOT;
    this.#stored = this.lengths.map((length) => {
      const at = end;
      end += VNET_HEADER + length;
      return at;
    });
    this.bytes = new Uint8Array(end);
    for (const [i, { bytes }] of segments.entries()) this.bytes.set(bytes, this.#stored[i]! + VNET_HEADER);
  }

  /** Processes the segment that stands in the batch at `start`. */
  protected abstract process(start: number, length: number, link: number): void;

  /**
   * Processes about as many packets, in batches that are put in place outside the time. Returns nanoseconds per packet
   * of the median batch, so that what the machine does besides does not count.
   */
  time(packets: number): number {
    const times: number[] = [];
    for (let done = 0; done < packets; done += BATCH) {
      const first = done % this.#count;
      this.#fill(first);
      const start = performance.now();
      this.#processBatch(first);
      times.push(performance.now() - start);
    }
    return (median(times) * 1e6) / BATCH;
  }

  /** Processes about as many packets and returns by how many bytes the heap has grown meanwhile. */
  heapGrowth(packets: number): number {
    const before = process.memoryUsage().heapUsed;
    for (let done = 0; done < packets; done += BATCH) {
      const first = done % this.#count;
      this.#fill(first);
      this.#processBatch(first);
    }
    return process.memoryUsage().heapUsed - before;
  }

  #fill(first: number): void {
    for (let i = 0; i < BATCH; i++) {
      const from = this.#stored[first + i]!;
      this.bytes.copyWithin(i * SLOT + HEADROOM, from, from + VNET_HEADER + this.lengths[first + i]!);
    }
  }

  #processBatch(first: number): void {
    for (let i = 0; i < BATCH; i++) {
      this.process(i * SLOT + START, this.lengths[first + i]!, this.links[first + i]!);
    }
  }
}

/** Replays through the balancer's core. */
export class BalancerReplay extends Replay {
  readonly #scenario: Scenario<Arrival>;
  readonly #frame: Frame;

  constructor(scenario: Scenario<Arrival>) {
    super(scenario.segments);
    this.#scenario = scenario;
    this.#frame = new Frame(this.bytes);
  }

  protected override process(start: number, length: number, link: number): void {
    const { balancer, now } = this.#scenario;
    const verdict = balancer.process(this.#frame.at(start, length, link), now);
    if (verdict < 0) throw new Error('a segment was dropped');
  }
}

/** Replays through the naive rewriter. */
export class NaiveReplay extends Replay {
  readonly #rewriter: NaiveRewriter;

  constructor(known: readonly KnownSegment[], rewriter: NaiveRewriter) {
    super(known);
    this.#rewriter = rewriter;
  }

  protected override process(start: number, length: number): void {
    this.#rewriter.rewrite(this.bytes.subarray(start, start + length));
  }
}

/** Fisher-Yates with a fixed sequence (xorshift32), so that every run replays the same order. */
function shuffle<Item>(items: readonly Item[]): Item[] {
  const shuffled = [...items];
  let random = 0x2545f491;
  for (let i = shuffled.length - 1; i > 0; i--) {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    const j = (random >>> 0) % (i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
  }
  return shuffled;
}
