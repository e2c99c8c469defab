import type { Frame } from '../../frame.js';
import { sipHash } from '../../sip-hash.js';
import type { RealServer } from '../real-server.js';
import { foldAddress, foldClient } from './fold-address.js';
import { greatestCommonDivisor } from './greatest-common-divisor.js';
import { Hashed } from './hashed.js';
import type { SchedulerOptions } from './scheduler.js';

/** CONFIG_IP_VS_MH_TAB_INDEX 12: the prime below 2^12, and of a weight at most 2^6 slots in a turn. */
const SIZE = 4093;
const TURN_BITS = 6;

/** The kernel's two keys, which are not secret: every balancer has the same table. */
const OFFSET_KEY = Int32Array.of(2654435761, 0, 2654435761, 0);
const SKIP_KEY = Int32Array.of(2654446892, 0, 2654446892, 0);

/** One word and, as the hash wants it, one more. */
const message = new Int32Array(2);

/** hsiphash_1u32() where words have 64 bits: SipHash-1-3, of which the low half is taken. */
function hash(word: number, key: Int32Array): number {
  message[0] = word;
  return sipHash(key, message, 4, 1, 3) >>> 0;
}

/**
 * `mh`: by the client's address (with `mh-port` its port too) in a table that changes little when real servers come
 * and go (ip_vs_mh.c; Eisenbud and others, "Maglev", 2016, section 3.4). It is made of the last weights that were not
 * 0: quiescing a real server moves nobody else, and its own clients get nothing, or with `mh-fallback` another.
 */
export class MaglevHashing extends Hashed {
  readonly #withPort: boolean;

  constructor({ withPort, fallback }: SchedulerOptions) {
    super(SIZE, fallback);
    this.#withPort = withPort;
  }

  /** In turns each real server takes the next free slots of its own permutation of all slots. */
  protected fill(table: Int32Array, servers: readonly RealServer[]): void {
    const weights = servers.map((server) => server.lastWeight);
    const divisor = greatestCommonDivisor(weights);
    if (divisor === 0) return;
    const most = weights.reduce((a, b) => Math.max(a, b)) / divisor;
    const shift = Math.max(0, 32 - Math.clz32(most) - TURN_BITS);
    const turns = weights.map((weight) => (weight === 0 ? 0 : Math.max(1, (weight / divisor) >> shift)));
    const words = servers.map(({ address: [a, b, c, d], port }) => (foldAddress(a!, b!, c!, d!) + port) | 0);
    const skips = words.map((word) => (hash(word, SKIP_KEY) % (SIZE - 1)) + 1);
    const slots = words.map((word) => hash(word, OFFSET_KEY) % SIZE);
    for (let taken = 0; taken < SIZE; ) {
      for (let position = 0; position < servers.length; position++) {
        for (let turn = 0; turn < turns[position]! && taken < SIZE; turn++, taken++) {
          let slot = slots[position]!;
          while (table[slot] !== -1) slot = (slot + skips[position]!) % SIZE;
          table[slot] = position;
          slots[position] = slot;
        }
      }
    }
  }

  protected key(frame: Frame): number {
    return foldClient(frame, this.#withPort);
  }

  protected place(key: number, offset: number): number {
    return hash((key + offset) | 0, OFFSET_KEY) % SIZE;
  }
}
