import { addressWords, formatAddress, parseAddress } from '../net/address.js';

/** Addresses are four int32 words in network order, IPv4 as IPv4-mapped: 0, 0, this, the address. */
export const MAPPED_WORD = 0xffff;

/** An address of the configuration, which was validated, as four words. */
export function wordsOf(text: string): Int32Array {
  const address = parseAddress(text)!;
  return addressWords(address.bytes, address.family);
}

/** The canonical text of four words. */
export function textOf(words: Int32Array): string {
  const view = new DataView(new ArrayBuffer(16));
  for (let i = 0; i < 4; i++) view.setInt32(4 * i, words[i]!);
  const bytes = new Uint8Array(view.buffer);
  return isIpv4(words) ? formatAddress(bytes, 12, 4) : formatAddress(bytes, 0, 6);
}

/** Whether the four words are an IPv4 address. */
export function isIpv4(words: Int32Array): boolean {
  return isIpv4At(words, 0);
}

/** Whether the four words at `at` are an IPv4 address. */
export function isIpv4At(words: Int32Array, at: number): boolean {
  return isMapped(words[at]!, words[at + 1]!, words[at + 2]!);
}

/** Whether an address that begins with these words is an IPv4 one. */
export function isMapped(word0: number, word1: number, word2: number): boolean {
  return word2 === MAPPED_WORD && word1 === 0 && word0 === 0;
}

/** Whether the four words at `at` and at `otherAt` are the same. */
export function sameAddress(words: Int32Array, at: number, others: Int32Array, otherAt: number): boolean {
  return (
    words[at + 3] === others[otherAt + 3] &&
    words[at + 2] === others[otherAt + 2] &&
    words[at + 1] === others[otherAt + 1] &&
    words[at] === others[otherAt]
  );
}
