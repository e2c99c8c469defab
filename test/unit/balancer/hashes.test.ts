import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InitialSequence } from '../../../lib/balancer/connection/initial-sequence.js';
import { KeyedHash } from '../../../lib/balancer/connection/keyed-hash.js';
import { sipHash } from '../../../lib/balancer/sip-hash.js';
import { SECRET } from '../../support/rig.js';

/** Bytes 0, 1, 2, … as little-endian words: key and message of the published test vectors. */
const counting = (words: number) =>
  new Int32Array(Uint8Array.from({ length: 4 * words }, (_, i) => i).buffer);

test('SipHash-2-4 gives the published vectors', () => {
  const key = counting(4);
  const hash = (bytes: number) => sipHash(key, counting(16), bytes, 2, 4) >>> 0;
  assert.equal(hash(0), 0xdd0e0e31);
  assert.equal(hash(4), 0x277187b7);
  assert.equal(hash(8), 0x9a932462);
  const halves = new Int32Array(2);
  assert.equal(sipHash(key, counting(16), 8, 2, 4, halves), halves[0]);
  assert.equal(halves[1]! >>> 0, 0x93f5f579);
});

test("HalfSipHash-1-3 gives the vectors of Linux's own test of it", () => {
  const hash = new KeyedHash(Uint8Array.from({ length: 8 }, (_, i) => i));
  const expected = [0x5814c896, 0x7e059ea6];
  for (const [count, value] of expected.entries()) {
    hash.words.set(counting(12)); // hashing uses up the words behind the last
    assert.equal(hash.hash(count) >>> 0, value);
  }
});

test('hashes differ with the secret, the length and every word', () => {
  const [one, other] = [new KeyedHash(SECRET), new KeyedHash(SECRET.slice(1))];
  const seen = new Set<number>();
  for (let word = 0; word < 9; word++) {
    one.words.fill(0);
    one.words[word] = 1;
    seen.add(one.hash(9));
  }
  for (let count = 0; count <= 12; count++) {
    for (const hash of [one, other]) {
      hash.words.fill(0);
      seen.add(hash.hash(count));
    }
  }
  assert.equal(seen.size, 9 + 26);
});

test('initial sequence numbers grow by one each 64 ns, also where the clock goes round', () => {
  const sequences = new InitialSequence(SECRET.subarray(0, 16));
  const words = new Int32Array(9).fill(7);
  for (const now of [0, 1, 1000, 2 ** 28 - 1, 2 ** 31 - 1, 2 ** 32 - 1, 86_400_000 * 365]) {
    const step = (sequences.of(words, 0, now + 1) - sequences.of(words, 0, now)) | 0;
    assert.equal(step, 15_625, `at ${now} ms`);
  }
});

test('initial sequence numbers of other addresses and ports tell nothing of each other', () => {
  const sequences = new InitialSequence(SECRET.subarray(0, 16));
  const seen = new Set<number>();
  for (let word = 0; word < 9; word++) {
    const words = new Int32Array(9);
    words[word] = 1;
    seen.add(sequences.of(words, 0, 5));
  }
  assert.equal(seen.size, 9);
});
