/**
 * SipHash-c-d (Aumasson and Bernstein) with 64-bit words as pairs of int32.
 * @param key four words, little-endian
 * @param message words, little-endian, and one more to the next even number
 * @param length the message's bytes, a multiple of 4
 * @param rounds c, for each 8-byte block of the message
 * @param finalRounds d, at the end
 * @param halves is given both halves of the result, the low one first
 * @returns the low half
 */
export function sipHash(
  key: Int32Array,
  message: Int32Array,
  length: number,
  rounds: number,
  finalRounds: number,
  halves?: Int32Array,
): number {
  let low0 = key[0]! ^ 0x70736575;
  let high0 = key[1]! ^ 0x736f6d65;
  let low1 = key[2]! ^ 0x6e646f6d;
  let high1 = key[3]! ^ 0x646f7261;
  let low2 = key[0]! ^ 0x6e657261;
  let high2 = key[1]! ^ 0x6c796765;
  let low3 = key[2]! ^ 0x79746573;
  let high3 = key[3]! ^ 0x74656462;
  const blocks = length >> 3;
  // The message's blocks, then the last one, which holds the length, then zeros to finish: one copy of the round.
  for (let block = 0; block <= blocks + 1; block++) {
    let wordLow = 0;
    let wordHigh = 0;
    if (block < blocks) {
      wordLow = message[block * 2]!;
      wordHigh = message[block * 2 + 1]!;
    } else if (block === blocks) {
      wordLow = (length & 4) !== 0 ? message[block * 2]! : 0;
      wordHigh = length << 24;
    } else {
      low2 ^= 0xff;
    }
    low3 ^= wordLow;
    high3 ^= wordHigh;
    for (let left = block <= blocks ? rounds : finalRounds; left > 0; left--) {
      // The carry as a number: V8 makes a branch of `? 1 : 0`, which nobody can predict and which takes thrice the time.
      let low = (low0 + low1) | 0;
      high0 = (high0 + high1 + Number(low >>> 0 < low1 >>> 0)) | 0;
      low0 = low;
      low = (low1 << 13) | (high1 >>> 19);
      high1 = (high1 << 13) | (low1 >>> 19);
      low1 = low ^ low0;
      high1 ^= high0;
      low = low0;
      low0 = high0;
      high0 = low;
      low = (low2 + low3) | 0;
      high2 = (high2 + high3 + Number(low >>> 0 < low3 >>> 0)) | 0;
      low2 = low;
      low = (low3 << 16) | (high3 >>> 16);
      high3 = (high3 << 16) | (low3 >>> 16);
      low3 = low ^ low2;
      high3 ^= high2;
      low = (low0 + low3) | 0;
      high0 = (high0 + high3 + Number(low >>> 0 < low3 >>> 0)) | 0;
      low0 = low;
      low = (low3 << 21) | (high3 >>> 11);
      high3 = (high3 << 21) | (low3 >>> 11);
      low3 = low ^ low0;
      high3 ^= high0;
      low = (low2 + low1) | 0;
      high2 = (high2 + high1 + Number(low >>> 0 < low1 >>> 0)) | 0;
      low2 = low;
      low = (low1 << 17) | (high1 >>> 15);
      high1 = (high1 << 17) | (low1 >>> 15);
      low1 = low ^ low2;
      high1 ^= high2;
      low = low2;
      low2 = high2;
      high2 = low;
    }
    low0 ^= wordLow;
    high0 ^= wordHigh;
  }
  const low = low0 ^ low1 ^ low2 ^ low3;
  if (halves !== undefined) {
    halves[0] = low;
    halves[1] = high0 ^ high1 ^ high2 ^ high3;
  }
  return low;
}
