import { AgeLists } from './age-lists.js';
import type { KeyedHash } from './connection/keyed-hash.js';
import { COUNTER, type Counters } from './counters.js';
import { FragmentStore } from './fragment-store.js';
import type { Frame } from './frame.js';
import { copyAddresses } from './packet-addresses.js';

/** How much may be held of datagrams that are not whole yet. */
export interface FragmentLimits {
  /** 2 to 32766. */
  readonly datagrams: number;
  /** Of 2 KiB each; 34, which a whole datagram may take, to 32767. */
  readonly pages: number;
  /** The share of one sender: an IPv4 address, an IPv6 /64. */
  readonly datagramsPerSource: number;
  /** 34 or more. */
  readonly pagesPerSource: number;
}

/** 4 MiB in all, as Linux's ipfrag_high_thresh. */
const LIMITS: FragmentLimits = { datagrams: 1024, pages: 2048, datagramsPerSource: 64, pagesPerSource: 512 };

/** Senders are told apart by a keyed hash of so many values; two that share one share their part. */
const SOURCES = 1024;

/** Words of a datagram's record: its key (with an IPv4 address each at these), the sender's hash, its family; */
const KEY_WORDS = 10;
export const SOURCE_V4 = 3;
export const DESTINATION_V4 = 7;
const SOURCE = 10;
export const FAMILY = 11;
/** the end of what has come, or of the whole where `LAST_SEEN`; how many bytes have come; */
export const END = 12;
export const LAST_SEEN = 13;
export const RECEIVED = 14;
/** of its first fragment the headers' length from Ethernet's on (0: it has not come), the bytes behind, the link; */
export const HEADERS = 15;
export const FIRST_LENGTH = 16;
export const LINK = 17;
/** the largest IP packet among its fragments, and among those with DF; a bit for each ECN codepoint seen. */
export const LARGEST = 18;
export const LARGEST_DF = 19;
export const ECN_SEEN = 20;
export const DATAGRAM_WORDS = 21;

const NONE = -1;

/**
 * Datagrams that are not whole yet. A sender that has begun more than his share loses his own oldest, and when all
 * room is taken the oldest of all goes: a table that took no more, as Linux's, could be kept full for ever with a few
 * packets a second.
 */
export class FragmentTable {
  readonly store: FragmentStore;
  /** The records, `DATAGRAM_WORDS` each. */
  readonly words: Int32Array;

  readonly #hash: KeyedHash;
  readonly #counters: Counters;
  readonly #limits: FragmentLimits;
  /** What `find` looked for. */
  readonly #key = new Int32Array(KEY_WORDS);
  /** When each datagram began, in milliseconds. */
  readonly #began: Float64Array;
  readonly #unused: Int16Array;
  #unusedCount: number;
  readonly #bySource: AgeLists;
  readonly #byFamily: AgeLists;
  readonly #datagramsOfSource = new Int16Array(SOURCES);
  readonly #pagesOfSource = new Int16Array(SOURCES);

  constructor(hash: KeyedHash, counters: Counters, limits: FragmentLimits = LIMITS) {
    const { datagrams, pages } = limits;
    this.#hash = hash;
    this.#counters = counters;
    this.#limits = limits;
    this.store = new FragmentStore(datagrams, pages);
    this.words = new Int32Array(datagrams * DATAGRAM_WORDS);
    this.#began = new Float64Array(datagrams);
    this.#unused = Int16Array.from({ length: datagrams }, (_, i) => i);
    this.#unusedCount = datagrams;
    this.#bySource = new AgeLists(SOURCES, datagrams);
    this.#byFamily = new AgeLists(2, datagrams);
  }

  /**
   * The datagram that a fragment belongs to, or -1. IPv4 tells them apart by addresses, protocol and id (RFC 791 2.3),
   * IPv6 by addresses and id (RFC 8200 4.5).
   */
  find(frame: Frame, id: number): number {
    const key = this.#key;
    copyAddresses(frame, key);
    key[8] = id;
    key[9] = frame.family === 4 ? frame.protocol : -1;
    let datagram = this.#bySource.oldest(this.#source(frame));
    while (datagram !== NONE && !this.#hasKey(datagram)) datagram = this.#bySource.newer(datagram);
    return datagram;
  }

  /** A new datagram for the fragment that `find` was just asked for. @param now milliseconds */
  create(frame: Frame, now: number): number {
    const source = this.#source(frame);
    if (this.#datagramsOfSource[source] === this.#limits.datagramsPerSource) {
      this.#evict(this.#bySource.oldest(source));
    }
    if (this.#unusedCount === 0) this.#evict(this.#oldestBut(NONE));
    const datagram = this.#unused[--this.#unusedCount]!;
    const base = datagram * DATAGRAM_WORDS;
    this.words.fill(0, base, base + DATAGRAM_WORDS);
    this.words.set(this.#key, base);
    this.words[base + SOURCE] = source;
    this.words[base + FAMILY] = frame.family;
    this.#began[datagram] = now;
    this.#datagramsOfSource[source]! += 1;
    this.#bySource.append(source, datagram);
    this.#byFamily.append(familyList(frame.family), datagram);
    return datagram;
  }

  /** Sees to it that the datagram can have so many pages more; they are to be put at once. */
  reserve(datagram: number, pages: number): void {
    const source = this.words[datagram * DATAGRAM_WORDS + SOURCE]!;
    while (this.#pagesOfSource[source]! + pages > this.#limits.pagesPerSource) {
      const oldest = this.#bySource.oldest(source);
      this.#evict(oldest === datagram ? this.#bySource.newer(datagram) : oldest);
    }
    while (this.store.free < pages) this.#evict(this.#oldestBut(datagram));
    this.#pagesOfSource[source]! += pages;
  }

  /** The oldest datagram of a family where it began `timeout` milliseconds ago or earlier, else -1. */
  due(family: number, timeout: number, now: number): number {
    const oldest = this.#byFamily.oldest(familyList(family));
    return oldest !== NONE && this.#began[oldest]! + timeout <= now ? oldest : NONE;
  }

  /** Forgets a datagram. */
  remove(datagram: number): void {
    const base = datagram * DATAGRAM_WORDS;
    const source = this.words[base + SOURCE]!;
    this.#bySource.remove(source, datagram);
    this.#byFamily.remove(familyList(this.words[base + FAMILY]!), datagram);
    this.#datagramsOfSource[source]! -= 1;
    this.#pagesOfSource[source]! -= this.store.release(datagram);
    this.#unused[this.#unusedCount++] = datagram;
  }

  #evict(datagram: number): void {
    this.remove(datagram);
    this.#counters.add(COUNTER['fragments-evicted']);
  }

  /** The datagram that began first, `except` left out; there is one. */
  #oldestBut(except: number): number {
    const oldest4 = this.#oldestOfFamilyBut(4, except);
    const oldest6 = this.#oldestOfFamilyBut(6, except);
    if (oldest4 === NONE) return oldest6;
    return oldest6 === NONE || this.#began[oldest4]! <= this.#began[oldest6]! ? oldest4 : oldest6;
  }

  #oldestOfFamilyBut(family: number, except: number): number {
    const oldest = this.#byFamily.oldest(familyList(family));
    return oldest !== NONE && oldest === except ? this.#byFamily.newer(oldest) : oldest;
  }

  /** The number of the sender: whoever has an IPv6 address has a whole /64 of them. */
  #source(frame: Frame): number {
    const { words } = this.#hash;
    const ipv4 = frame.family === 4;
    words[0] = ipv4 ? frame.source2 : frame.source0;
    words[1] = ipv4 ? frame.source3 : frame.source1;
    return this.#hash.hash(2) & (SOURCES - 1);
  }

  #hasKey(datagram: number): boolean {
    const base = datagram * DATAGRAM_WORDS;
    for (let i = KEY_WORDS - 1; i >= 0; i--) if (this.words[base + i] !== this.#key[i]) return false;
    return true;
  }
}

/** The families' lists: each has a timeout of its own, so that its oldest datagram is the next to end. */
function familyList(family: number): number {
  return family === 4 ? 0 : 1;
}
