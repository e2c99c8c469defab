import { MAPPED_WORD } from '../../address-words.js';
import type { Frame } from '../../frame.js';

/** An address as 32 bits: an IPv4 address as it is, of an IPv6 address its four words XORed. */
export function foldAddress(word0: number, word1: number, word2: number, word3: number): number {
  return word0 === 0 && word1 === 0 && word2 === MAPPED_WORD ? word3 : word0 ^ word1 ^ word2 ^ word3;
}

/** The client's address and port, as 32 bits that `sh` and `mh` hash; the port only where `withPort`. */
export function foldClient(frame: Frame, withPort: boolean): number {
  const address = foldAddress(frame.source0, frame.source1, frame.source2, frame.source3);
  return withPort ? (address + (frame.ports >>> 16)) | 0 : address;
}
