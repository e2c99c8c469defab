import type { Frame } from '../../frame.js';
import type { RealServer } from '../real-server.js';
import type { Scheduler } from './scheduler.js';

/** A scheduler that looks real servers up in a table that it fills anew whenever the list changes. */
export abstract class Hashed implements Scheduler {
  readonly #fallback: boolean;
  /** The positions of real servers in the list, or -1. */
  readonly #table: Int32Array;
  #servers: readonly RealServer[] = [];

  /** @param size of the table @param fallback look further where the chosen one may take nothing */
  constructor(size: number, fallback: boolean) {
    this.#table = new Int32Array(size);
    this.#fallback = fallback;
  }

  update(servers: readonly RealServer[]): void {
    this.#servers = servers;
    this.#table.fill(-1);
    this.fill(this.#table, servers);
  }

  /** Fills the table, which is empty. */
  protected abstract fill(table: Int32Array, servers: readonly RealServer[]): void;
  /** What of a packet decides, 32 bits. */
  protected abstract key(frame: Frame): number;
  /** The place in the table for a key; offsets other than 0 lead to further places. */
  protected abstract place(key: number, offset: number): number;

  schedule(frame: Frame): RealServer | undefined {
    const key = this.key(frame);
    const first = this.place(key, 0);
    const server = this.#at(first);
    if (server === undefined || server.eligible) return server;
    // Without the second check a SYN flood at quiesced real servers would cost a whole table of hashes each.
    if (!this.#fallback || !this.#anyEligible()) return undefined;
    const size = this.#table.length;
    for (let offset = 0; offset < size; offset++) {
      const other = this.#at(this.place(key, (first + offset) % size));
      if (other?.eligible) return other;
    }
    return undefined;
  }

  #at(place: number): RealServer | undefined {
    const position = this.#table[place]!;
    return position === -1 ? undefined : this.#servers[position];
  }

  #anyEligible(): boolean {
    for (let i = 0; i < this.#servers.length; i++) {
      if (this.#servers[i]!.eligible) return true;
    }
    return false;
  }
}
