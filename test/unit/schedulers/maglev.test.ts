/** mh beside the kernel's figures and a slow model of the paper's algorithm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sipHash } from '../../../lib/balancer/sip-hash.js';
import { maglevModel, offsetAndSkip, SLOTS, turnsOf } from '../../model/maglev.js';
import { sipHashModel } from '../../model/sip-hash.js';
import { Scheduling } from '../../support/scheduling.js';

const counting = (length: number) => Uint8Array.from({ length }, (_, i) => i);

test('the model of SipHash gives the published vectors of SipHash-2-4', () => {
  const view = new DataView(counting(16).buffer);
  const key = [view.getBigUint64(0, true), view.getBigUint64(8, true)] as const;
  assert.equal(sipHashModel(key, counting(0), 2, 4), 0x726fdb47dd0e0e31n);
  assert.equal(sipHashModel(key, counting(8), 2, 4), 0x93f5f5799a932462n);
  assert.equal(sipHashModel(key, counting(15), 2, 4), 0xa129ca6149be45e5n);
});

test('SipHash in 32-bit halves is the low half of the model, whatever the rounds', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const rounds = fc.constantFrom([1, 3] as const, [2, 4] as const);
  const message = fc.nat(9).chain((words) => bytes(4 * words));
  fc.assert(
    fc.property(bytes(16), message, rounds, (key, text, [each, final]) => {
      const words = new Int32Array(10);
      words.set(new Int32Array(text.slice().buffer));
      const view = new DataView(key.slice().buffer);
      const secret = [view.getBigUint64(0, true), view.getBigUint64(8, true)] as const;
      assert.equal(
        sipHash(new Int32Array(key.slice().buffer), words, text.length, each, final) >>> 0,
        Number(BigInt.asUintN(32, sipHashModel(secret, text, each, final))),
      );
    }),
  );
});

const server = (index: number, weight = 1) => ({ address: 0x0a00000b + index, port: 80, weight });

test("the model has the kernel's offsets, skips and slots", () => {
  const servers = [server(0), server(1), server(2)];
  assert.deepEqual(servers.map(offsetAndSkip), [
    [4032, 1541],
    [870, 874],
    [2586, 2286],
  ]);
  const slots = maglevModel(servers);
  assert.equal(
    slots
      .slice(0, 16)
      .map((position) => 'ABC'[position])
      .join(''),
    'BCCABBAACBBAABBB',
  );
});

test('weights are scaled down to at most 63 slots in a turn', () => {
  assert.deepEqual(turnsOf([1, 2]), [1, 2]);
  assert.deepEqual(turnsOf([10, 20, 0]), [1, 2, 0]);
  assert.deepEqual(turnsOf([63, 1]), [63, 1]);
  assert.deepEqual(turnsOf([64, 1]), [32, 1]);
  assert.deepEqual(turnsOf([65_535, 1]), [63, 1]);
});

/** A client for each slot of the table. */
const CLIENTS = (() => {
  const key = Int32Array.of(2654435761, 0, 2654435761, 0);
  const found = new Map<number, string>();
  for (let i = 0; found.size < SLOTS; i++) {
    const slot = (sipHash(key, Int32Array.of(0x0b000000 + i, 0), 4, 1, 3) >>> 0) % SLOTS;
    found.set(slot, `11.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  }
  return Array.from({ length: SLOTS }, (_, slot) => found.get(slot)!);
})();

/** Whom each slot of the table belongs to. */
const slotsOf = (scheduling: Scheduling) => CLIENTS.map((from) => scheduling.pick({ from })).join('');

const count = (slots: string, letters: string) =>
  [...letters].map((letter) => slots.split(letter).length - 1);

test('mh makes the table of the kernel', () => {
  const slots = slotsOf(new Scheduling('mh', [1, 1, 1]));
  assert.deepEqual(count(slots, 'ABC'), [1365, 1364, 1364]);
  assert.equal(slots.slice(0, 16), 'BCCABBAACBBAABBB');
  assert.deepEqual(count(slotsOf(new Scheduling('mh', [3, 1, 0])), 'ABC'), [3070, 1023, 0]);
});

const GOLDEN = ['10.0.0.1', '10.0.0.2', '192.168.1.1', '203.0.113.7', '8.8.8.8'];

test('mh finds the real servers that the kernel finds for a client, with mh-port for its port too', () => {
  const plain = new Scheduling('mh', [1, 1, 1]);
  assert.equal(GOLDEN.map((from) => plain.pick({ from })).join(''), 'BCABB');
  const withPort = new Scheduling('mh', [1, 1, 1], { withPort: true });
  assert.equal(GOLDEN.map((from) => withPort.pick({ from, port: 40_000 })).join(''), 'CBBAA');
});

test('removing a real server moves 9 clients of 2729 of the others, and adding it again brings all back', () => {
  const scheduling = new Scheduling('mh', [1, 1, 1]);
  const before = slotsOf(scheduling);
  const gone = scheduling.server('C');
  const after = slotsOf(scheduling.remove('C'));
  const moved = [...before].filter((letter, slot) => letter !== 'C' && after[slot] !== letter);
  assert.equal(before.length - count(before, 'C')[0]!, 2729);
  assert.equal(moved.length, 9);
  scheduling.scheduler.update([...scheduling.servers, gone]);
  scheduling.servers.push(gone);
  gone.available = true;
  assert.equal(slotsOf(scheduling), before);
});

test('quiescing a real server moves nobody: its clients get nothing, or with mh-fallback another', () => {
  const plain = new Scheduling('mh', [2, 1, 1]);
  const before = slotsOf(plain);
  assert.equal(slotsOf(plain.weigh('B', 0)), before.replaceAll('B', '-'));
  assert.equal(slotsOf(plain.weigh('B', 1)), before);

  const fallback = slotsOf(new Scheduling('mh', [2, 1, 1], { fallback: true }).weigh('B', 0));
  assert.ok([...before].every((letter, slot) => letter === 'B' || fallback[slot] === letter));
  assert.equal(count(fallback, 'B-').join(), '0,0');
});

test('mh-fallback looks on where the hash of address and offset leads', () => {
  const hash = (word: number) => {
    const bytes = new Uint8Array(Uint32Array.of(word).buffer);
    const secret = 2654435761n;
    return Number(BigInt.asUintN(32, sipHashModel([secret, secret], bytes, 1, 3))) % SLOTS;
  };
  const table = maglevModel([server(0), server(1), server(2)]);
  const scheduling = new Scheduling('mh', [1, 1, 1], { fallback: true }).load('A', { overloaded: true });
  let searched = '';
  for (let word = 0x0a000001; word < 0x0a000041; word++) {
    const first = hash(word);
    let place = first;
    for (let offset = 0; table[place] === 0; offset++) place = hash(word + ((first + offset) % SLOTS));
    const expected = 'ABC'[table[place]!]!;
    assert.equal(scheduling.pick({ from: `10.0.0.${word & 255}` }), expected);
    if (place !== first) searched += expected;
  }
  assert.match(searched, /B.*C|C.*B/);
});

test("mh's table is the model's for any weights", () => {
  const weights = fc.array(fc.oneof(fc.nat(9), fc.nat(65_535)), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(weights, (drawn) => {
      const slots = slotsOf(new Scheduling('mh', drawn));
      const model = maglevModel(drawn.map((weight, index) => server(index, weight)));
      assert.equal(slots, model.map((position) => 'ABCDE'[position]).join('') || '-'.repeat(SLOTS));
    }),
    { numRuns: 15 },
  );
});
