/**
 * HalfSipHash-1-3 (Aumasson and Bernstein's SipHash on 32-bit words, as in Linux's lib/siphash.c for hash tables),
 * with a 64-bit secret: who does not know it cannot make entries collide. Whole int32 words in, one int32 out.
 *
 * `words` is written by the caller and hashed by `hash`, so that no call has a dozen arguments.
 */
export class KeyedHash {
  readonly words = new Int32Array(16);
  readonly #key0: number;
  readonly #key1: number;

  /** @param secret 8 bytes or more, of which the first 8 are the key */
  constructor(secret: Uint8Array) {
    const view = new DataView(secret.buffer, secret.byteOffset, secret.byteLength);
    this.#key0 = view.getInt32(0, true);
    this.#key1 = view.getInt32(4, true);
  }

  /** The hash of the first `count` words, 0 to 12; the four behind them are overwritten. */
  hash(count: number): number {
    const { words } = this;
    words[count] = count << 26;
    words[count + 1] = 0;
    words[count + 2] = 0;
    words[count + 3] = 0;
    // `| 0` tells V8 at once that these stay int32; without it the loop below takes twice the time.
    let v0 = this.#key0 | 0;
    let v1 = this.#key1 | 0;
    let v2 = 0x6c796765 ^ v0;
    let v3 = 0x74656462 ^ v1;
    // A round for each word and for the length, then three to finish, over zeros: one copy of the round serves all.
    for (let i = 0; i < count + 4; i++) {
      const word = words[i]!;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = (v1 << 5) | (v1 >>> 27);
      v1 ^= v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = (v3 << 8) | (v3 >>> 24);
      v3 ^= v2;
      v0 = (v0 + v3) | 0;
      v3 = (v3 << 7) | (v3 >>> 25);
      v3 ^= v0;
      v2 = (v2 + v1) | 0;
      v1 = (v1 << 13) | (v1 >>> 19);
      v1 ^= v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
      if (i === count) v2 ^= 0xff;
    }
    return v1 ^ v3;
  }
}
