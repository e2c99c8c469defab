import { PROTOCOL_UDP } from '../../net/ipv4.js';
import { isIpv4At, sameAddress } from '../address-words.js';
import type { Frame } from '../frame.js';
import { copyAddresses } from '../packet-addresses.js';
import type { KeyedHash } from './keyed-hash.js';
import {
  CLIENT,
  CLIENT_PORTS,
  FLAG_ONE_WAY,
  FLAG_TEMPLATE,
  FLAG_UDP,
  NEXT,
  RECORD_WORDS,
  SERVER,
  STATE,
} from './record.js';

const FIRST_SLOTS = 1024;
/** Both keys have the same shape: two addresses, then the ports. */
const KEY_WORDS = CLIENT_PORTS - CLIENT + 1;
/**
 * The bits of a hash that tell what a key is of, so that an equal hash tells an equal family, protocol and purpose; no
 * index is so large that they would be part of a slot's number.
 */
const IPV6_HASH = 1 << 31;
const UDP_HASH = 1 << 30;
const TEMPLATE_HASH = 1 << 29;
const PURE_HASH = TEMPLATE_HASH - 1;

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
  readonly #allocate: (bytes: number) => ArrayBuffer;
  #slots: Int32Array;
  #mask: number;
  /** Records from here on were never used. */
  #fresh = 0;
  /** The first of the free records below `#fresh`, or -1. */
  #free = -1;

  /**
   * @param capacity the most connections there may be, up to 4 194 304; pages that no record was in yet cost no memory
   * @param allocate zeroed memory of so many bytes
   */
  constructor(hash: KeyedHash, capacity: number, allocate = (bytes: number) => new ArrayBuffer(bytes)) {
    this.#hash = hash;
    this.#allocate = allocate;
    this.capacity = capacity;
    this.words = new Int32Array(allocate(capacity * RECORD_WORDS * Int32Array.BYTES_PER_ELEMENT));
    this.#slots = this.#allocateSlots(FIRST_SLOTS);
    this.#mask = FIRST_SLOTS - 1;
  }

  /** The connection that a packet belongs to: `connection << 1 | fromServer`, or -1. */
  find(frame: Frame): number {
    const tag = frame.protocol === PROTOCOL_UDP ? UDP_HASH : 0;
    return frame.family === 4 ? this.#findIpv4(frame, tag) : this.#findIpv6(frame, tag);
  }

  /** An equal hash tells an equal family, so what is the same in all IPv4-mapped addresses need not be compared. */
  #findIpv4({ source3, destination3, ports }: Frame, tag: number): number {
    const hash = this.#hashIpv4(source3, destination3, ports) | tag;
    const { words } = this;
    const slots = this.#slots;
    const mask = this.#mask;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const value = slots[slot * 2 + 1]!;
      if (value === 0) return -1;
      if (slots[slot * 2] !== hash) continue;
      const key = keyOf(value);
      if (words[key + 3] === source3 && words[key + 7] === destination3 && words[key + 8] === ports) {
        return value - 1;
      }
    }
  }

  #findIpv6(frame: Frame, tag: number): number {
    const key = this.#hash.words;
    copyAddresses(frame, key);
    key[8] = frame.ports;
    const slot = this.#search(this.#hashIpv6() | tag, key, 0);
    return slot === -1 ? -1 : this.#slots[slot * 2 + 1]! - 1;
  }

  /**
   * Whether a connection already uses what stands in the record at `base` as its server side: the real server, the
   * local address and the ports.
   */
  hasServerSide(base: number): boolean {
    return this.#slotOf(this.words, base + SERVER, tagOf(this.words, base)) !== -1;
  }

  /** The template whose nine key words, as a record has them, stand at the beginning of `key`, or -1. */
  findTemplate(key: Int32Array): number {
    const slot = this.#slotOf(key, 0, TEMPLATE_HASH);
    return slot === -1 ? -1 : (this.#slots[slot * 2 + 1]! - 1) >> 1;
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
    this.words[connection * RECORD_WORDS + STATE] = 0;
    this.words[connection * RECORD_WORDS + NEXT] = this.#free;
    this.#free = connection;
    this.count--;
  }

  /** Records below this were used: all connections are among them, and free ones, whose STATE is 0. */
  get used(): number {
    return this.#fresh;
  }

  /** Enters the sides of a filled record: both, or the client's alone where it is one-way. */
  insert(connection: number): void {
    if (this.count * 4 > this.#mask + 1) this.#grow();
    const { words } = this;
    const base = connection * RECORD_WORDS;
    const tag = tagOf(words, base);
    this.#enter(this.#hashAt(words, base + CLIENT, tag), (connection << 1) + 1);
    if (isOneWay(words, base)) return;
    this.#enter(this.#hashAt(words, base + SERVER, tag), (connection << 1) + 2);
  }

  /** Takes what `insert` entered out of the index. */
  remove(connection: number): void {
    const { words } = this;
    const base = connection * RECORD_WORDS;
    const tag = tagOf(words, base);
    this.#delete(this.#slotOf(words, base + CLIENT, tag));
    if (!isOneWay(words, base)) this.#delete(this.#slotOf(words, base + SERVER, tag));
  }

  /** The hash of the nine key words at `at`, with the bits that tell what they are of. */
  #hashAt(words: Int32Array, at: number, tag: number): number {
    if (isIpv4At(words, at)) {
      return this.#hashIpv4(words[at + 3]!, words[at + 7]!, words[at + 8]!) | tag;
    }
    const key = this.#hash.words;
    for (let i = 0; i < KEY_WORDS; i++) key[i] = words[at + i]!;
    return this.#hashIpv6() | tag;
  }

  #hashIpv4(source: number, destination: number, ports: number): number {
    const hash = this.#hash;
    hash.words[0] = source;
    hash.words[1] = destination;
    hash.words[2] = ports;
    return hash.hash(3) & PURE_HASH;
  }

  /** Of the nine key words that the hash was given. */
  #hashIpv6(): number {
    return (this.#hash.hash(KEY_WORDS) & PURE_HASH) | IPV6_HASH;
  }

  /** The slot of the entry whose nine key words equal those at `at` of `key`, or -1. */
  #slotOf(key: Int32Array, at: number, tag: number): number {
    return this.#search(this.#hashAt(key, at, tag), key, at);
  }

  #search(hash: number, key: Int32Array, at: number): number {
    const { words } = this;
    const slots = this.#slots;
    const mask = this.#mask;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const value = slots[slot * 2 + 1]!;
      if (value === 0) return -1;
      if (slots[slot * 2] === hash && sameKey(words, keyOf(value), key, at)) return slot;
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

  #allocateSlots(count: number): Int32Array {
    return new Int32Array(this.#allocate(count * 2 * Int32Array.BYTES_PER_ELEMENT));
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = this.#allocateSlots(old.length);
    this.#mask = old.length - 1;
    for (let slot = 0; slot < old.length; slot += 2) {
      if (old[slot + 1] !== 0) this.#enter(old[slot]!, old[slot + 1]!);
    }
  }
}

/** Where the nine key words of an index entry's side stand in the records. */
function keyOf(value: number): number {
  const entry = value - 1;
  return (entry >> 1) * RECORD_WORDS + CLIENT + (entry & 1) * (SERVER - CLIENT);
}

/** The bits of a record's hashes that do not follow from its key words. */
function tagOf(words: Int32Array, base: number): number {
  const state = words[base + STATE]!;
  return ((state & FLAG_UDP) !== 0 ? UDP_HASH : 0) | ((state & FLAG_TEMPLATE) !== 0 ? TEMPLATE_HASH : 0);
}

function isOneWay(words: Int32Array, base: number): boolean {
  return (words[base + STATE]! & FLAG_ONE_WAY) !== 0;
}

function sameKey(words: Int32Array, at: number, other: Int32Array, otherAt: number): boolean {
  return (
    words[at + 8] === other[otherAt + 8] &&
    sameAddress(words, at, other, otherAt) &&
    sameAddress(words, at + 4, other, otherAt + 4)
  );
}
