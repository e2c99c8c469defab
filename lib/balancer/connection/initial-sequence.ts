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
    return (sipHash24(this.#key, this.#message, 36) + clock) | 0;
  }
}

/**
 * SipHash-2-4 (Aumasson and Bernstein) with 64-bit words as pairs of int32; the low half of the result.
 * @param key four words, little-endian @param message words, little-endian, and one more to the next even number
 * @param length the message's bytes, a multiple of 4
 */
export function sipHash24(key: Int32Array, message: Int32Array, length: number): number {
  let low0 = key[0]! ^ 0x70736575;
  let high0 = key[1]! ^ 0x736f6d65;
  let low1 = key[2]! ^ 0x6e646f6d;
  let high1 = key[3]! ^ 0x646f7261;
  let low2 = key[0]! ^ 0x6e657261;
  let high2 = key[1]! ^ 0x6c796765;
  let low3 = key[2]! ^ 0x79746573;
  let high3 = key[3]! ^ 0x74656462;
  const blocks = length >> 3;
  // Two rounds for each 8-byte block and for the last one, which holds the length; then four to finish.
  for (let round = 0; round < (blocks + 1) * 2 + 4; round++) {
    const block = round >> 1;
    let wordLow = 0;
    let wordHigh = 0;
    if (block < blocks) {
      wordLow = message[block * 2]!;
      wordHigh = message[block * 2 + 1]!;
    } else if (block === blocks) {
      wordLow = (length & 4) !== 0 ? message[block * 2]! : 0;
      wordHigh = length << 24;
    }
    if ((round & 1) === 0 && block <= blocks) {
      low3 ^= wordLow;
      high3 ^= wordHigh;
    }
    if (round === (blocks + 1) * 2) low2 ^= 0xff;

    let low = (low0 + low1) | 0;
    high0 = (high0 + high1 + (low >>> 0 < low1 >>> 0 ? 1 : 0)) | 0;
    low0 = low;
    low = (low1 << 13) | (high1 >>> 19);
    high1 = (high1 << 13) | (low1 >>> 19);
    low1 = low ^ low0;
    high1 ^= high0;
    low = low0;
    low0 = high0;
    high0 = low;
    low = (low2 + low3) | 0;
    high2 = (high2 + high3 + (low >>> 0 < low3 >>> 0 ? 1 : 0)) | 0;
    low2 = low;
    low = (low3 << 16) | (high3 >>> 16);
    high3 = (high3 << 16) | (low3 >>> 16);
    low3 = low ^ low2;
    high3 ^= high2;
    low = (low0 + low3) | 0;
    high0 = (high0 + high3 + (low >>> 0 < low3 >>> 0 ? 1 : 0)) | 0;
    low0 = low;
    low = (low3 << 21) | (high3 >>> 11);
    high3 = (high3 << 21) | (low3 >>> 11);
    low3 = low ^ low0;
    high3 ^= high0;
    low = (low2 + low1) | 0;
    high2 = (high2 + high1 + (low >>> 0 < low1 >>> 0 ? 1 : 0)) | 0;
    low2 = low;
    low = (low1 << 17) | (high1 >>> 15);
    high1 = (high1 << 17) | (low1 >>> 15);
    low1 = low ^ low2;
    high1 ^= high2;
    low = low2;
    low2 = high2;
    high2 = low;

    if ((round & 1) === 1 && block <= blocks) {
      low0 ^= wordLow;
      high0 ^= wordHigh;
    }
  }
  return low0 ^ low1 ^ low2 ^ low3;
}
