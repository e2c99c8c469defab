import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  applyDelta,
  applyPartialDelta,
  completeChecksum,
  copySumming,
  delta16,
  delta32,
  finish,
  fold,
  negate,
  sumWords,
} from '../../../lib/net/checksum.js';
import { packet } from '../../support/packet-builder.js';
import { internetChecksum, onesSum, readU16, u16 } from '../../support/wire.js';

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
/** Zero has two forms in one's complement. */
const same = (a: number, b: number) => a % 0xffff === b % 0xffff;
const even = fc.uint8Array({ minLength: 4, maxLength: 80 }).map((bytes) => bytes.slice(0, bytes.length & ~1));

test('sums are those of the slow way, odd lengths included', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      assert.equal(fold(sumWords(viewOf(bytes), 0, bytes.length)), onesSum(bytes));
      assert.equal(finish(sumWords(viewOf(bytes), 0, bytes.length)), internetChecksum(bytes));
    }),
  );
});

test('a checksum brought up to date is the one computed anew, however many words change', () => {
  fc.assert(
    fc.property(even, fc.array(fc.tuple(fc.nat(200), fc.nat(0xffff)), { maxLength: 20 }), (body, changes) => {
      const packet = new Uint8Array(2 + body.length);
      packet.set(body, 2);
      packet.set(u16(internetChecksum(packet)));
      let delta = 0;
      for (const [place, value] of changes) {
        const at = 2 + ((place * 2) % body.length);
        delta += delta16(readU16(packet, at), value);
        packet.set(u16(value), at);
      }
      const view = viewOf(packet);
      applyDelta(view, 0, delta);
      assert.ok(same(onesSum(packet), 0xffff), 'the whole sums up to nothing');
      const right = view.getUint16(0);
      applyDelta(view, 0, negate(fold(delta)));
      applyDelta(view, 0, fold(delta));
      assert.ok(same(view.getUint16(0), right), 'and the opposite undoes it');
    }),
  );
});

test('the delta of 32 bits is that of its halves, for any sign', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (before, after) => {
      const halves = delta16(before >>> 16, after >>> 16) + delta16(before & 0xffff, after & 0xffff);
      assert.equal(fold(delta32(before, after)), fold(halves));
    }),
  );
});

test('a partial checksum follows its pseudo-header', () => {
  fc.assert(
    fc.property(even, fc.nat(0xffff), (header, value) => {
      const field = new Uint8Array(u16(onesSum(header)));
      const delta = delta16(readU16(header, 0), value);
      applyPartialDelta(viewOf(field), 0, delta);
      const changed = header.slice();
      changed.set(u16(value));
      assert.ok(same(readU16(field, 0), onesSum(changed)));
    }),
  );
});

test('a copy is the same bytes, nothing beside them, with the sum that they have where they stood', () => {
  const place = fc.nat(9);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), place, place, (bytes, fromAt, toAt) => {
      const from = new Uint8Array(fromAt + bytes.length + 8).fill(0x77);
      from.set(bytes, fromAt);
      const to = new Uint8Array(toAt + bytes.length + 8).fill(0xee);
      const sum = copySumming(viewOf(from), fromAt, viewOf(to), toAt, bytes.length);
      const expected = new Uint8Array(to.length).fill(0xee);
      expected.set(bytes, toAt);
      assert.deepEqual(to, expected);
      assert.equal(fold(sum), onesSum(bytes));
    }),
  );
});

test('a partial checksum is completed to the one a sender without offload would have written', () => {
  const ip = packet().ip({ from: '203.0.113.7', to: '198.51.100.10' });
  const ports = { from: 51514, to: 80 };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (payload) => {
      const whole = ip.tcp({ ...ports, flags: 'PA', seq: 1 }).payload(payload);
      const bytes = whole.offload().bytes();
      completeChecksum(viewOf(bytes), 20, bytes.length, 36);
      assert.deepEqual(bytes, whole.bytes());
    }),
  );
});

test('a checksum that comes out as 0 is written as 0xffff: UDP takes 0 for none', () => {
  const bytes = Uint8Array.of(0xff, 0xf0, 0, 0x0f);
  completeChecksum(viewOf(bytes), 0, 4, 2);
  assert.deepEqual([...bytes], [0xff, 0xf0, 0xff, 0xff]);
});
