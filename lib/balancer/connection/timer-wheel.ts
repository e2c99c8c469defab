import { ARMED, EXPIRES, NEXT, PREVIOUS, RECORD_WORDS } from './record.js';

/** Milliseconds of one tick, the resolution of all the balancer's timers. */
export const TICK = 250;

/** Ticks for so many seconds. */
export function ticksOf(seconds: number): number {
  return Math.ceil((seconds * 1000) / TICK);
}

const BUCKETS = 1024;

/** `expired` has none. */
export const NONE = -1;
/** `expired` has filed one anew whose time is later. */
export const LATER = -2;

/**
 * Expiry of connections. A bucket a tick, each a doubly linked list through the records. Most packets only move a
 * connection's expiry further out, which is one store: the wheel finds out when it comes by and re-files it. Only
 * when it moves nearer than the wheel would look is it re-filed at once.
 */
export class TimerWheel {
  readonly #words: Int32Array;
  readonly #heads = new Int32Array(BUCKETS).fill(-1);
  #tick: number;
  /** What `expired` looks at next in the bucket of the tick it is working on. */
  #cursor = -1;
  #working = false;

  /** @param words the records @param tick the present */
  constructor(words: Int32Array, tick: number) {
    this.#words = words;
    this.#tick = tick;
  }

  /** Starts a connection's timer. */
  add(connection: number, expires: number): void {
    this.#words[connection * RECORD_WORDS + EXPIRES] = expires;
    this.#file(connection, expires);
  }

  /** Restarts a connection's timer. */
  touch(connection: number, expires: number): void {
    const base = connection * RECORD_WORDS;
    const before = this.#words[base + EXPIRES]!;
    this.#words[base + EXPIRES] = expires;
    // The wheel looks no later than it was to expire; ARMED stands in another cache line.
    if (expires < before && expires < this.#words[base + ARMED]!) {
      this.remove(connection);
      this.#file(connection, expires);
    }
  }

  /** Stops a connection's timer. */
  remove(connection: number): void {
    const words = this.#words;
    const base = connection * RECORD_WORDS;
    const next = words[base + NEXT]!;
    const previous = words[base + PREVIOUS]!;
    if (this.#cursor === connection) this.#cursor = next;
    if (previous >= 0) words[previous * RECORD_WORDS + NEXT] = next;
    else this.#heads[~previous] = next;
    if (next !== -1) words[next * RECORD_WORDS + PREVIOUS] = previous;
  }

  /**
   * Looks at the next connection that may have expired by `tick`.
   * @returns it, its timer stopped; LATER where it has not, NONE when there is none left. The caller may stop in between
   * and go on later; the present then stays where it stopped
   */
  expired(tick: number): number {
    for (;;) {
      if (!this.#working) {
        if (this.#tick >= tick) return NONE;
        this.#tick++;
        this.#cursor = this.#heads[this.#tick & (BUCKETS - 1)]!;
        this.#working = true;
      }
      const connection = this.#cursor;
      if (connection !== -1) {
        this.remove(connection);
        const expires = this.#words[connection * RECORD_WORDS + EXPIRES]!;
        if (expires <= this.#tick) return connection;
        this.#file(connection, expires);
        return LATER;
      }
      this.#working = false;
    }
  }

  /** Files a connection under the tick it expires at, or under the last one the wheel reaches. */
  #file(connection: number, expires: number): void {
    const words = this.#words;
    const base = connection * RECORD_WORDS;
    let armed = expires;
    if (armed <= this.#tick) armed = this.#tick + 1;
    else if (armed >= this.#tick + BUCKETS) armed = this.#tick + BUCKETS - 1;
    const bucket = armed & (BUCKETS - 1);
    const head = this.#heads[bucket]!;
    words[base + ARMED] = armed;
    words[base + NEXT] = head;
    words[base + PREVIOUS] = ~bucket;
    if (head !== -1) words[head * RECORD_WORDS + PREVIOUS] = connection;
    this.#heads[bucket] = connection;
  }
}
