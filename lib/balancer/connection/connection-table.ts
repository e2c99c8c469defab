import type { Frame } from '../frame.js';
import { MAPPED_WORD } from '../parse.js';
import type { KeyedHash } from './keyed-hash.js';
import { CLIENT, CLIENT_PORTS, NEXT, RECORD_WORDS, SERVER, SERVER_PORTS } from './record.js';

const FIRST_SLOTS = 1024;

/**
 * All connections: the records, and one index in which each connection stands twice, under its client side (client,
 * vip) and its server side (real server, lip). Both are found by a packet's source, destination and ports as they
 * stand in it, so one look-up tells the connection and the direction.
 *
 * The index is open addressing with linear probing, at most half full, grown by doubling; an entry is [hash, value],
 * value = (connection << 1 | fromServer) + 1, 0 for empty. Removal shifts back what follows, so there are no tombstones
 * and look-ups stay short for ever.
 */
export class ConnectionTable {
  /** All records; connection `c` begins at `c * RECORD_WORDS`. */
  readonly words: Int32Array;
  readonly capacity: number;
  /** Connections in the table. */
  count = 0;

  readonly #hash: KeyedHash;
  #slots: Int32Array;
  #mask: number;
  /** Records from here on were never used. */
  #fresh = 0;
  /** The first of the free records below `#fresh`, or -1. */
  #free = -1;

  /** @param capacity the most connections there may be, up to 4 194 304; untouched records cost no memory */
  constructor(hash: KeyedHash, capacity: number) {
    this.#hash = hash;
    this.capacity = capacity;
    this.words = new Int32Array(capacity * RECORD_WORDS);
    this.#slots = new Int32Array(FIRST_SLOTS * 2);
    this.#mask = FIRST_SLOTS - 1;
  }

  /** The connection that a packet belongs to: `connection << 1 | fromServer`, or -1. */
  find(frame: Frame): number {
    const {
      source0,
      source1,
      source2,
      source3,
      destination0,
      destination1,
      destination2,
      destination3,
      ports,
    } = frame;
    const hash = this.#hashOf(
      source0,
      source1,
      source2,
      source3,
      destination0,
      destination1,
      destination2,
      destination3,
      ports,
    );
    const { words } = this;
    const slots = this.#slots;
    const mask = this.#mask;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const value = slots[slot * 2 + 1]!;
      if (value === 0) return -1;
      if (slots[slot * 2] !== hash) continue;
      const key = keyOf(value);
      if (
        words[key + 3] === source3 &&
        words[key + 7] === destination3 &&
        words[key + 8] === ports &&
        words[key + 2] === source2 &&
        words[key + 6] === destination2 &&
        words[key + 1] === source1 &&
        words[key + 5] === destination1 &&
        words[key] === source0 &&
        words[key + 4] === destination0
      ) {
        return value - 1;
      }
    }
  }

  /**
   * Whether a connection already uses (real server, lip, ports) as its server side: `words` holds the nine key words at
   * `at`, as a record does.
   */
  hasServerSide(words: Int32Array, at: number): boolean {
    return this.#slotOf(words, at) !== -1;
  }

  /** A record for a new connection, cleared, not yet in the index; -1 when the table is full. */
  allocate(): number {
    let connection = this.#free;
    if (connection !== -1) {
      this.#free = this.words[connection * RECORD_WORDS + NEXT]!;
      this.words.fill(0, connection * RECORD_WORDS, (connection + 1) * RECORD_WORDS);
    } else {
      if (this.#fresh === this.capacity) return -1;
      connection = this.#fresh++;
    }
    this.count++;
    return connection;
  }

  /** Gives back a record that is not, or no longer, in the index. */
  release(connection: number): void {
    this.words[connection * RECORD_WORDS + NEXT] = this.#free;
    this.#free = connection;
    this.count--;
  }

  /** Enters both sides of a filled record. */
  insert(connection: number): void {
    if (this.count * 4 > this.#mask) this.#grow();
    const base = connection * RECORD_WORDS;
    this.#enter(this.#hashAt(this.words, base + CLIENT), (connection << 1) + 1);
    this.#enter(this.#hashAt(this.words, base + SERVER), (connection << 1) + 2);
  }

  /** Takes both sides out of the index. */
  remove(connection: number): void {
    const base = connection * RECORD_WORDS;
    this.#delete(this.#slotOf(this.words, base + CLIENT));
    this.#delete(this.#slotOf(this.words, base + SERVER));
  }

  #hashAt(words: Int32Array, at: number): number {
    return this.#hashOf(
      words[at]!,
      words[at + 1]!,
      words[at + 2]!,
      words[at + 3]!,
      words[at + 4]!,
      words[at + 5]!,
      words[at + 6]!,
      words[at + 7]!,
      words[at + 8]!,
    );
  }

  #hashOf(
    source0: number,
    source1: number,
    source2: number,
    source3: number,
    destination0: number,
    destination1: number,
    destination2: number,
    destination3: number,
    ports: number,
  ): number {
    const { words } = this.#hash;
    words[0] = source3;
    words[1] = destination3;
    words[2] = ports;
    // What the other words of an IPv4-mapped address are is known; six rounds fewer.
    if (source2 === MAPPED_WORD && source1 === 0 && source0 === 0) return this.#hash.hash(3);
    words[3] = source0;
    words[4] = source1;
    words[5] = source2;
    words[6] = destination0;
    words[7] = destination1;
    words[8] = destination2;
    return this.#hash.hash(9);
  }

  /** The slot of the entry whose nine key words equal those at `at` of `key`, or -1. */
  #slotOf(key: Int32Array, at: number): number {
    const hash = this.#hashAt(key, at);
    const slots = this.#slots;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const value = slots[slot * 2 + 1]!;
      if (value === 0) return -1;
      if (slots[slot * 2] === hash && sameKey(this.words, keyOf(value), key, at)) return slot;
    }
  }

  #enter(hash: number, value: number): void {
    const slots = this.#slots;
    let slot = hash & this.#mask;
    while (slots[slot * 2 + 1] !== 0) slot = (slot + 1) & this.#mask;
    slots[slot * 2] = hash;
    slots[slot * 2 + 1] = value;
  }

  /** Empties a slot and moves back each following entry that would no longer be found. */
  #delete(slot: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let hole = slot;
    for (let probe = (hole + 1) & mask; slots[probe * 2 + 1] !== 0; probe = (probe + 1) & mask) {
      const home = slots[probe * 2]! & mask;
      if (((probe - home) & mask) < ((probe - hole) & mask)) continue;
      slots[hole * 2] = slots[probe * 2]!;
      slots[hole * 2 + 1] = slots[probe * 2 + 1]!;
      hole = probe;
    }
    slots[hole * 2 + 1] = 0;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    this.#mask = old.length - 1;
    for (let slot = 0; slot < old.length; slot += 2) {
      if (old[slot + 1] !== 0) this.#enter(old[slot]!, old[slot + 1]!);
    }
  }
}

/** Where the nine key words of an index entry's side stand in the records. */
function keyOf(value: number): number {
  const entry = value - 1;
  return (entry >> 1) * RECORD_WORDS + ((entry & 1) === 0 ? CLIENT : SERVER);
}

function sameKey(words: Int32Array, at: number, other: Int32Array, otherAt: number): boolean {
  for (let i = 0; i <= CLIENT_PORTS - CLIENT; i++) if (words[at + i] !== other[otherAt + i]) return false;
  return true;
}

/** Both keys have the same shape: two addresses, then the ports. */
export const KEY_WORDS = SERVER_PORTS - SERVER + 1;
