import { addressWords, parseCidr } from '../net/address.js';
import { isMapped, wordsOf } from './address-words.js';

/** Bits of an address in the mapped form: a network with so many in common is one address. */
export const ALL_BITS = 128;

/** The addresses that begin with the same bits. */
export class Network {
  /** The first of them, four words. */
  readonly words: Int32Array;
  readonly mask: Int32Array;
  /** Bits in common, counted in the mapped form: an IPv4 /24 is 120. */
  readonly prefix: number;
  /** An IPv6 network has no IPv4 addresses in it, though their mapped form may begin with its bits. */
  readonly ipv4: boolean;

  /** @param text a CIDR or an address of the configuration, which was validated */
  constructor(text: string) {
    this.ipv4 = !text.includes(':');
    if (text.includes('/')) {
      const cidr = parseCidr(text)!;
      this.words = addressWords(cidr.bytes, cidr.family);
      this.prefix = this.ipv4 ? cidr.prefix + 96 : cidr.prefix;
    } else {
      this.words = wordsOf(text);
      this.prefix = ALL_BITS;
    }
    this.mask = maskOf(this.prefix);
  }

  contains(word0: number, word1: number, word2: number, word3: number): boolean {
    const { words, mask } = this;
    return (
      (word3 & mask[3]!) === words[3] &&
      (word2 & mask[2]!) === words[2] &&
      (word1 & mask[1]!) === words[1] &&
      (word0 & mask[0]!) === words[0] &&
      this.ipv4 === isMapped(word0, word1, word2)
    );
  }
}

/** The four words of a mask with so many leading ones. */
export function maskOf(prefix: number): Int32Array {
  return Int32Array.from({ length: 4 }, (_, i) => {
    const bits = Math.min(32, Math.max(0, prefix - 32 * i));
    return bits === 0 ? 0 : -1 << (32 - bits);
  });
}
