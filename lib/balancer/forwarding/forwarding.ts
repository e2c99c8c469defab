import type { Counters } from '../counters.js';
import type { Emitted } from '../emitted.js';
import type { Frame } from '../frame.js';
import type { ToaSetting } from './toa.js';

/**
 * How packets of a known connection travel: one kind for each forwarding mode, without a state of its own. All work on
 * the frame in place; `words` and `base` are the connection's record.
 */
export interface Forwarding {
  /**
   * The bytes that the mode adds to a client's packet before it leaves, options aside; below 0 where it takes some off.
   * What fits through is judged before anything is changed.
   */
  growth(words: Int32Array, base: number): number;
  /** The same for a real server's packet. */
  readonly growthToClient: number;
  /**
   * Cuts off what must leave ahead of the rest, because the whole would not do as one frame; the part is handed to
   * `toServer` like any other. Called until there is no more.
   */
  splitAhead(
    frame: Frame,
    words: Int32Array,
    base: number,
    toa: ToaSetting,
    emitted: Emitted,
    counters: Counters,
  ): Frame | undefined;
  /** Rewrites a client's packet for the real server. @param mtu of the way there */
  toServer(
    frame: Frame,
    words: Int32Array,
    base: number,
    toa: ToaSetting,
    mtu: number,
    counters: Counters,
  ): void;
  /** Rewrites a real server's packet for the client; never called for one-way modes. @param serverMtu of the way to the real server */
  toClient(
    frame: Frame,
    words: Int32Array,
    base: number,
    toa: ToaSetting,
    serverMtu: number,
    counters: Counters,
  ): void;
}
