import { AddressTable } from '../../address-table.js';
import { KeyedHash } from '../../connection/keyed-hash.js';
import type { Frame } from '../../frame.js';

/** What is remembered of an address that clients connect to. Times are in milliseconds. */
export interface Destination {
  /** Four words. */
  readonly address: Int32Array;
  lastUse: number;
}

/** An address that nobody connected to for so long is forgotten: `lblc_expiration`, `lblcr_expiration`. */
export const EXPIRATION = 24 * 3600_000;

/** A check each minute; every 30th looks for what is expired, the others only at a table that is too large. */
const CHECK_INTERVAL = 60_000;
const CHECKS_TO_EXPIRY = 30;

/** Of more addresses than this, those not used for six minutes are forgotten first: 16 in each of 1024 buckets. */
const LARGE = 16_384;
const IDLE = 6 * 60_000;

/** Further addresses are not remembered, as in the kernel when memory is out; it has no other bound. */
const MOST = 2 * LARGE;

/**
 * The addresses that `lblc` and `lblcr` know (ip_vs_lblc.c). The kernel's timer is replaced by looking, at each use,
 * which checks are due: between two uses nothing changes. Its hash is replaced by a keyed one: with IPv6 a client
 * could else choose addresses that all fall into one bucket.
 */
export class DestinationTable<Entry extends Destination> {
  readonly #hash: KeyedHash;
  #positions: AddressTable;
  #entries: Entry[] = [];
  #nextCheck = Number.NEGATIVE_INFINITY;
  #checks = 0;

  /** @param random uniform uint32 */
  constructor(random: () => number) {
    this.#hash = new KeyedHash(new Uint8Array(Uint32Array.of(random(), random()).buffer));
    this.#positions = new AddressTable(this.#hash);
  }

  /** What is known of the packet's destination. */
  find(frame: Frame, now: number): Entry | undefined {
    if (now >= this.#nextCheck) this.#check(now);
    const position = this.#positions.find(
      frame.destination0,
      frame.destination1,
      frame.destination2,
      frame.destination3,
      0,
    );
    if (position === -1) return undefined;
    const entry = this.#entries[position]!;
    entry.lastUse = now;
    return entry;
  }

  /** Remembers an address that was not found. */
  add(entry: Entry): void {
    if (this.#entries.length < MOST) this.#insert(entry);
  }

  #insert(entry: Entry): void {
    const [word0, word1, word2, word3] = entry.address;
    this.#positions.set(word0!, word1!, word2!, word3!, 0, this.#entries.length);
    this.#entries.push(entry);
  }

  /** Makes up for the checks since the last use. */
  #check(now: number): void {
    if (this.#nextCheck === Number.NEGATIVE_INFINITY) this.#nextCheck = now + CHECK_INTERVAL;
    for (; this.#nextCheck <= now; this.#nextCheck += CHECK_INTERVAL) {
      const excess = this.#entries.length - LARGE;
      if (this.#checks === CHECKS_TO_EXPIRY - 1) {
        this.#forget(this.#nextCheck - EXPIRATION, MOST);
        this.#checks = 0;
      } else if (excess > 0) {
        this.#forget(this.#nextCheck - IDLE, Math.min(Math.floor((excess * 4) / 3), LARGE / 2));
      } else {
        this.#checks++;
      }
    }
  }

  /** Removes at most `count` of those not used since `time`, those known for the longest time first. */
  #forget(time: number, count: number): void {
    const old = this.#entries;
    let left = count;
    const kept = old.filter((entry) => entry.lastUse > time || left-- <= 0);
    if (kept.length === old.length) return;
    this.#positions = new AddressTable(this.#hash, kept.length);
    this.#entries = [];
    for (const entry of kept) this.#insert(entry);
  }
}

/** The packet's destination as four words. */
export function destinationOf(frame: Frame): Int32Array {
  return Int32Array.of(frame.destination0, frame.destination1, frame.destination2, frame.destination3);
}
