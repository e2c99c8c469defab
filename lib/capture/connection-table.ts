import type { Connection } from './connection.js';

/** Connections by their endpoints, as many as were allowed: for a new one the oldest has to go. */
export class ConnectionTable {
  readonly #byKey = new Map<string, Connection>();
  /** In order of arrival. A ring: the slot that is next to be written holds the oldest. */
  readonly #ring: ({ readonly key: string; readonly connection: Connection } | undefined)[];
  #next = 0;
  /** The oldest that may still wait to be settled; counted like `#next`, from the first connection on. */
  #waiting = 0;

  /** @param capacity connections, 1 or more */
  constructor(capacity: number) {
    this.#ring = new Array(capacity).fill(undefined);
  }

  find(key: string): Connection | undefined {
    return this.#byKey.get(key);
  }

  /** Adds one, in place of any other of the same key, and answers the one that had to go for it. */
  add(key: string, connection: Connection): Connection | undefined {
    const slot = this.#next % this.#ring.length;
    const oldest = this.#ring[slot];
    if (oldest && this.#byKey.get(oldest.key) === oldest.connection) this.#byKey.delete(oldest.key);
    this.#ring[slot] = { key, connection };
    this.#byKey.set(key, connection);
    this.#next++;
    return oldest?.connection;
  }

  /** The oldest connection that is not settled, if it began at `time` or before. Whoever gets it settles it. */
  waitingSince(time: number): Connection | undefined {
    this.#waiting = Math.max(this.#waiting, this.#next - this.#ring.length);
    for (; this.#waiting < this.#next; this.#waiting++) {
      const { connection } = this.#ring[this.#waiting % this.#ring.length]!;
      if (!connection.settled) return connection.time <= time ? connection : undefined;
    }
    return undefined;
  }
}
