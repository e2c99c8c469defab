import type { KeyedHash } from '../connection/keyed-hash.js';

/**
 * The ids of packets that are, or may be, cut on their way: numbers that do not come again soon between the same two
 * hosts, and that others cannot guess (RFC 6864 4.3, RFC 7739). What a client chose would be no good once its address is
 * ours. IPv4 has room for the low 16 bits.
 */
export class PacketIds {
  readonly #hash: KeyedHash;
  #packets = 0;

  constructor(hash: KeyedHash) {
    this.#hash = hash;
  }

  /** For a packet between two IPv4 addresses. */
  ipv4(source: number, destination: number): number {
    const { words } = this.#hash;
    words[0] = source;
    words[1] = destination;
    return this.#next(2);
  }

  /** For a packet whose IPv6 addresses stand in `view` at `at`, the source first. */
  ipv6(view: DataView, at: number): number {
    const { words } = this.#hash;
    for (let i = 0; i < 8; i++) words[i] = view.getInt32(at + 4 * i);
    return this.#next(8);
  }

  #next(words: number): number {
    this.#packets = (this.#packets + 1) | 0;
    return (this.#hash.hash(words) + this.#packets) | 0;
  }
}
