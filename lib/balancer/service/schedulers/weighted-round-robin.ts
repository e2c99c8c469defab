import type { RealServer } from '../real-server.js';
import { greatestCommonDivisor } from './greatest-common-divisor.js';
import type { Scheduler } from './scheduler.js';

/** Before the first in the list. */
const HEAD = -1;

/**
 * `wrr`: the list is passed through again and again. Each pass takes the real servers of a least weight; it begins at
 * the highest, falls by the weights' common divisor and begins anew (ip_vs_wrr.c). Weights 4, 3, 2: `A AB ABC ABC`.
 */
export class WeightedRoundRobin implements Scheduler {
  #servers: readonly RealServer[] = [];
  /** The position of the one chosen last. */
  #cursor = HEAD;
  /** The weight asked for in this pass, in the first pass, and by how much less in the next. The last asks for 1. */
  #asked = 0;
  #most = 0;
  #step = 1;

  /** Begins at the head of the list, with the weight that was asked for, as near as the new weights allow. */
  update(servers: readonly RealServer[]): void {
    this.#servers = servers;
    this.#cursor = HEAD;
    const weights = servers.map((server) => server.weight);
    this.#step = greatestCommonDivisor(weights) || 1;
    this.#most = weights.reduce((most, weight) => Math.max(most, weight), 0) - (this.#step - 1);
    if (this.#asked > this.#most || this.#asked === 0) this.#asked = this.#most;
    else if (this.#step > 1) this.#asked -= (this.#asked % this.#step) - 1;
  }

  schedule(): RealServer | undefined {
    const servers = this.#servers;
    if (this.#most === 0) return undefined;
    const start = this.#cursor;
    // There is none when all were asked for the lowest weight: in one pass, or behind the cursor and, when that pass
    // comes again, before it; then the cursor stays.
    let from = start + 1;
    let again = false;
    for (;;) {
      const lowest = this.#asked <= this.#step;
      let highest = 0;
      for (let i = from; i < servers.length; i++) {
        const server = servers[i]!;
        if (server.overloaded) continue;
        if (server.weight >= this.#asked) {
          this.#cursor = i;
          return server;
        }
        highest = Math.max(highest, server.weight);
      }
      if (lowest && again) return undefined;
      if (lowest && from === 0) {
        this.#asked = this.#most;
        this.#cursor = HEAD;
        return undefined;
      }
      if (lowest) this.#asked = this.#most;
      // After a whole pass it is known how low the next must go; there may be thousands between.
      else if (from === 0) this.#asked = Math.max(1, highest - this.#step + 1);
      else this.#asked -= this.#step;
      again ||= lowest;
      from = 0;
    }
  }
}
