import { AddressTable } from '../address-table.js';
import type { KeyedHash } from '../connection/keyed-hash.js';
import type { RealServer } from './real-server.js';

/** How many ports of each local address are taken towards each real server: one that has none left is passed over. */
export class PortUse {
  readonly #hash: KeyedHash;
  /** From a local address and a real server's position to a place in `#counts`. */
  #places: AddressTable;
  #counts: number[] = [];
  /** A service has other local addresses or ports than it had: its connections are to be counted anew. */
  isStale = false;

  constructor(hash: KeyedHash) {
    this.#hash = hash;
    this.#places = new AddressTable(hash);
  }

  /** Forgets everything. */
  clear(): void {
    this.#places = new AddressTable(this.#hash);
    this.#counts = [];
    this.isStale = false;
  }

  /** @param words, at where the local address stands, four words */
  of(words: Int32Array, at: number, server: RealServer): number {
    return this.#counts[this.#place(words, at, server)]!;
  }

  /** @param change 1 when a port is taken, -1 when it is free again */
  change(words: Int32Array, at: number, server: RealServer, change: number): void {
    this.#counts[this.#place(words, at, server)]! += change;
  }

  #place(words: Int32Array, at: number, { index }: RealServer): number {
    const found = this.#places.find(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, index);
    if (found !== -1) return found;
    const place = this.#counts.push(0) - 1;
    this.#places.set(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, index, place);
    return place;
  }
}
