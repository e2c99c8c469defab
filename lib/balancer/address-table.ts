import type { KeyedHash } from './connection/keyed-hash.js';

const KEY_WORDS = 5;

/**
 * From an address (four words) and a tag (a link, a port, a kind) to a small integer: open addressing in typed
 * arrays, so that a look-up for every stray packet allocates nothing. Entries are only added; who removes some
 * builds a new table.
 */
export class AddressTable {
  readonly #hash: KeyedHash;
  #keys: Int32Array;
  #values: Int32Array;
  #mask: number;
  #count = 0;

  constructor(hash: KeyedHash, capacity = 64) {
    this.#hash = hash;
    let slots = 16;
    while (slots < capacity * 2) slots *= 2;
    this.#mask = slots - 1;
    this.#keys = new Int32Array(slots * KEY_WORDS);
    this.#values = new Int32Array(slots).fill(-1);
  }

  /** The value stored for the address and tag, or -1. */
  find(word0: number, word1: number, word2: number, word3: number, tag: number): number {
    return this.#values[this.#slot(word0, word1, word2, word3, tag)]!;
  }

  /** Stores `value`, 0 to 2^31 - 1, in place of what was there. */
  set(word0: number, word1: number, word2: number, word3: number, tag: number, value: number): void {
    if ((this.#count + 1) * 2 > this.#mask) this.#grow();
    const slot = this.#slot(word0, word1, word2, word3, tag);
    if (this.#values[slot] === -1) this.#count++;
    const key = slot * KEY_WORDS;
    this.#keys[key] = word0;
    this.#keys[key + 1] = word1;
    this.#keys[key + 2] = word2;
    this.#keys[key + 3] = word3;
    this.#keys[key + 4] = tag;
    this.#values[slot] = value;
  }

  /** The slot that holds the key, or the empty one where it would go. */
  #slot(word0: number, word1: number, word2: number, word3: number, tag: number): number {
    const { words } = this.#hash;
    words[0] = word0;
    words[1] = word1;
    words[2] = word2;
    words[3] = word3;
    words[4] = tag;
    const keys = this.#keys;
    let slot = this.#hash.hash(KEY_WORDS) & this.#mask;
    while (this.#values[slot] !== -1) {
      const key = slot * KEY_WORDS;
      if (
        keys[key + 3] === word3 &&
        keys[key + 4] === tag &&
        keys[key] === word0 &&
        keys[key + 1] === word1 &&
        keys[key + 2] === word2
      ) {
        break;
      }
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#mask = values.length * 2 - 1;
    this.#keys = new Int32Array(values.length * 2 * KEY_WORDS);
    this.#values = new Int32Array(values.length * 2).fill(-1);
    this.#count = 0;
    for (let slot = 0; slot < values.length; slot++) {
      if (values[slot] === -1) continue;
      const key = slot * KEY_WORDS;
      this.set(keys[key]!, keys[key + 1]!, keys[key + 2]!, keys[key + 3]!, keys[key + 4]!, values[slot]!);
    }
  }
}
