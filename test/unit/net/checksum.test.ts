import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  applyDelta,
  applyPartialDelta,
  delta16,
  delta32,
  finish,
  fold,
  negate,
  sumWords,
} from '../../../lib/net/checksum.js';
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
