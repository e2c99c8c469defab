import { sipHash } from '../sip-hash.js';

/**
 * Initial sequence numbers after RFC 6528: a clock of 64 ns ticks, as Linux's, plus SipHash-2-4 of the connection's
 * addresses and ports. They grow with time on each local port, so that a real server takes a reused port's SYN while
 * it still remembers the old connection, and tell nobody else's.
 */
export class InitialSequence {
  readonly #key = new Int32Array(4);
  readonly #message = new Int32Array(10);

  /** @param secret 16 bytes */
  constructor(secret: Uint8Array) {
    const view = new DataView(secret.buffer, secret.byteOffset, secret.byteLength);
    for (let i = 0; i < 4; i++) this.#key[i] = view.getInt32(4 * i, true);
  }

  /**
   * @param words, at nine words that tell the connection: two addresses and the ports
   * @param now milliseconds; fractions count
   */
  of(words: Int32Array, at: number, now: number): number {
    for (let i = 0; i < 9; i++) this.#message[i] = words[at + i]!;
    const clock = Math.floor((now % 4_294_967_296) * 15_625);
    return (sipHash(this.#key, this.#message, 36, 2, 4) + clock) | 0;
  }
}
