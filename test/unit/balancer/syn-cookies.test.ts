import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Frame } from '../../../lib/balancer/index.js';
import { sipHash } from '../../../lib/balancer/sip-hash.js';
import { SynCookies } from '../../../lib/balancer/syn-proxy/cookie.js';
import {
  cookieData,
  hasSack,
  hasTimestamp,
  mssOf,
  windowScaleOf,
} from '../../../lib/balancer/syn-proxy/cookie-data.js';
import { poissonLimits } from '../../model/poisson.js';
import { sipHashModel } from '../../model/sip-hash.js';
import { type CookieFlow, CookieModel, cookieOf, hashOf, soundData } from '../../model/syn-cookie.js';
import { Random } from '../../support/random.js';
import { SECRET } from '../../support/rig.js';
import { readU32 } from '../../support/wire.js';

const KEY = SECRET.subarray(0, 16);
const MINUTE = 60_000;

const FLOW: CookieFlow = {
  client: { address: Uint8Array.of(203, 0, 113, 7), port: 40000 },
  vip: { address: Uint8Array.of(198, 51, 100, 10), port: 80 },
  isn: 0xfffffff0,
};

/** What `parse` finds in a segment of the flow. */
function frameOf({ client, vip, isn }: CookieFlow, cookie?: number): Frame {
  const frame = new Frame();
  const words = (address: Uint8Array): readonly [number, number, number, number] =>
    address.length === 4
      ? [0, 0, 0xffff, readU32(address, 0) | 0]
      : [readU32(address, 0) | 0, readU32(address, 4) | 0, readU32(address, 8) | 0, readU32(address, 12) | 0];
  frame.family = client.address.length === 4 ? 4 : 6;
  [frame.source0, frame.source1, frame.source2, frame.source3] = words(client.address);
  [frame.destination0, frame.destination1, frame.destination2, frame.destination3] = words(vip.address);
  frame.ports = (client.port << 16) | vip.port;
  frame.sequence = (cookie === undefined ? isn : isn + 1) | 0;
  frame.acknowledgment = cookie === undefined ? 0 : (cookie + 1) | 0;
  return frame;
}

const port = fc.integer({ min: 1, max: 65535 });
const hosts = (length: number) =>
  fc.record({ address: fc.uint8Array({ minLength: length, maxLength: length }), port });
const flows = fc
  .constantFrom(4, 16)
  .chain((length) =>
    fc.record({ client: hosts(length), vip: hosts(length), isn: fc.integer({ min: 0, max: 0xffff_ffff }) }),
  );
/** Most of them near to where secrets change, or where the minute's low byte comes round. */
const times = fc.oneof(
  fc
    .tuple(fc.constantFrom(0, 16, 32, 256, 4096), fc.integer({ min: -5, max: 5 }))
    .map(([at, by]) => Math.max(0, at + by) * MINUTE),
  fc.nat(2 ** 40),
);

test('SYN cookies are those of the slow model, and are taken or not as it says, at every age', () => {
  const cookies = new SynCookies(KEY);
  const model = new CookieModel(KEY);
  fc.assert(
    fc.property(
      flows,
      fc.constantFrom(...soundData()),
      times,
      fc.nat(6),
      fc.nat(MINUTE),
      (flow, data, now, age, more) => {
        const cookie = model.issue(flow, data, now);
        assert.equal(cookies.issue(frameOf(flow), data, now) >>> 0, cookie);
        const later = now + age * MINUTE + more;
        const right = model.check(flow, cookie, later);
        if (Math.floor(later / MINUTE) - Math.floor(now / MINUTE) < 4) assert.equal(right, data);
        assert.equal(cookies.check(frameOf(flow, cookie), later), right ?? -1);
      },
    ),
    { numRuns: 200 },
  );
});

test('of all numbers 2400 are good for an ACK, also where the secret changes', () => {
  const model = new CookieModel(KEY);
  const cookies = new SynCookies(KEY);
  for (const minute of [20, 32, 33, 34, 35, 36, 255, 256, 257]) {
    const now = minute * MINUTE;
    const good = model.good(FLOW, now);
    assert.equal(good.size, 2400);
    for (const [cookie, data] of good) {
      assert.equal(cookies.check(frameOf(FLOW, cookie), now), data);
      for (let bit = 0; bit < 32; bit++) {
        const other = (cookie ^ (1 << bit)) >>> 0;
        assert.equal(cookies.check(frameOf(FLOW, other), now), good.get(other) ?? -1);
      }
    }
  }
});

test('a cookie is good for nobody else, nor under another secret', () => {
  const cookies = new SynCookies(KEY);
  const other = new SynCookies(SECRET.subarray(1, 17));
  fc.assert(
    fc.property(flows, times, fc.integer({ min: 1, max: 65534 }), (flow, now, by) => {
      const cookie = cookies.issue(frameOf(flow), 0, now);
      assert.equal(cookies.check(frameOf(flow, cookie), now), 0);
      const { client, vip, isn } = flow;
      const changed = client.address.toReversed();
      changed[0]! ^= by | 1;
      const others = [
        { ...flow, client: { ...client, port: client.port ^ by } },
        { ...flow, vip: { ...vip, port: vip.port ^ by } },
        { ...flow, client: { ...client, address: changed } },
        { ...flow, isn: isn + 0x1000_0000 },
      ];
      for (const each of others) assert.equal(cookies.check(frameOf(each, cookie), now), -1);
      assert.equal(other.check(frameOf(flow, cookie), now), -1);
    }),
    { seed: 5 },
  );
});

test('a cookie is good for the first ACK alone, not for one after as many bytes from each side', () => {
  const cookies = new SynCookies(KEY);
  for (const each of [FLOW, { ...FLOW, isn: 0 }]) {
    const cookie = cookies.issue(frameOf(each), 0, 0);
    for (const bytes of [1, 2, 1000, 2 ** 24, 2 ** 31]) {
      const later = frameOf({ ...each, isn: (each.isn + bytes) >>> 0 }, (cookie + bytes) >>> 0);
      assert.equal(cookies.check(later, 0), -1, `${bytes} bytes each`);
    }
  }
});

test('in the first minutes there is no secret before the first one', () => {
  const cookies = new SynCookies(KEY);
  for (const minute of [-1n, -2n, -3n]) {
    const forged = cookieOf(hashOf([0n, 0n], FLOW), FLOW, 0, minute);
    assert.equal(
      cookies.check(frameOf(FLOW, forged), 0),
      -1,
      `a cookie of minute ${minute} under a key of zeros`,
    );
  }
});

test('a random ACK passes one time in 1.8 million', (t) => {
  const count = 10_000_000;
  const cookies = new SynCookies(KEY);
  const random = new Random(1);
  const draw = () => random.below(2 ** 32) | 0;
  const frame = frameOf(FLOW, 0);
  frame.destination3 = draw();
  let passed = 0;
  for (let i = 0; i < count; i++) {
    frame.source3 = draw();
    frame.ports = draw();
    frame.sequence = draw();
    frame.acknowledgment = draw();
    if (cookies.check(frame, 40 * MINUTE) !== -1) passed++;
  }
  const expected = (count * 10 * 15 * 2 * 2 * 4) / 2 ** 32;
  const [least, most] = poissonLimits(expected, 1e-6);
  t.diagnostic(
    `${passed} of ${count} random ACKs passed; ${expected.toFixed(2)} expected, ${least} to ${most} allowed`,
  );
  assert.ok(passed >= least && passed <= most, `${passed} passed`);
});

test('the data of a cookie round down the MSS and keep window scale, SACK and timestamps', () => {
  for (const [family, mss, told] of [
    [4, 1452, 1452],
    [4, 1448, 1440],
    [4, 1400, 1280],
    [4, 1000, 536],
    [4, 536, 536],
    [4, 63, 64],
    [4, 1460, 1460],
    [4, 65535, 4312],
    [6, 1440, 1440],
    [6, 1420, 1420],
    [6, 1419, 1360],
    [6, 1279, 1220],
    [6, 1, 64],
  ] as const) {
    const data = cookieData(family, mss, 0, false, false);
    assert.equal(mssOf(data, family), told, `${mss} over IPv${family}`);
  }
  assert.equal(cookieData(4, 1452, 0, true, false), 0x207000, "Alibaba's example from the field");
  for (const data of soundData()) {
    const mss = mssOf(data, 4);
    assert.equal(cookieData(4, mss, windowScaleOf(data), hasSack(data), hasTimestamp(data)), data);
  }
});

test('SipHash is that of its paper, in the slow model and, for whole words, in the fast one', () => {
  const counting = Uint8Array.from({ length: 64 }, (_, i) => i);
  const key = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n] as const;
  assert.equal(sipHashModel(key, counting.subarray(0, 15), 2, 4), 0xa129ca6149be45e5n);
  const words = new Int32Array(counting.buffer);
  const halves = new Int32Array(2);
  for (let length = 0; length <= 60; length += 4) {
    sipHash(words, words, length, 2, 4, halves);
    const whole = new BigUint64Array(halves.buffer)[0];
    assert.equal(whole, sipHashModel(key, counting.subarray(0, length), 2, 4), `${length} bytes`);
  }
});
