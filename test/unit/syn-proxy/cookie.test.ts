import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Frame } from '../../../lib/balancer/frame.js';
import { SynCookies } from '../../../lib/balancer/syn-proxy/cookie.js';
import {
  cookieData,
  hasSack,
  hasTimestamp,
  isSoundData,
  mssOf,
  windowScaleOf,
} from '../../../lib/balancer/syn-proxy/cookie-data.js';
import { SECRET } from '../../support/rig.js';

const MINUTE = 60_000;
const EPOCH = 16 * MINUTE;
const DATA = cookieData(4, 1452, 7, true, false);

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const family = fc.constantFrom(4, 6);
const flows = fc.record({
  family,
  ports: word,
  sequence: word,
  addresses: fc.array(word, { minLength: 8, maxLength: 8 }),
});
type Flow = Pick<Frame, 'family' | 'ports' | 'sequence'> & { readonly addresses: readonly number[] };

const cookies = () => new SynCookies(SECRET.subarray(0, 16));

function synOf({ family, ports, sequence, addresses }: Flow): Frame {
  const [source0, source1, source2, source3, destination0, destination1, destination2, destination3] =
    addresses;
  return Object.assign(new Frame(), {
    family,
    ports,
    sequence,
    ...{ source0, source1, source2, source3, destination0, destination1, destination2, destination3 },
  });
}

/** The ACK of a client that was sent this cookie. */
function ackOf(flow: Flow, cookie: number): Frame {
  return Object.assign(synOf(flow), {
    sequence: (flow.sequence + 1) | 0,
    acknowledgment: (cookie + 1) | 0,
  });
}

const flow: Flow = { family: 4, ports: 0x12345678, sequence: -5, addresses: [1, 2, 3, 4, 5, 6, 7, 8] };

test('an ACK gives back what the cookie was made with, through all clocks, addresses and sequence numbers', () => {
  const time = fc.integer({ min: 0, max: 2 ** 36 });
  const age = fc.integer({ min: 0, max: 3 * MINUTE });
  const sound = fc.tuple(fc.nat(9), fc.nat(14), fc.boolean(), fc.boolean());
  fc.assert(
    fc.property(flows, sound, time, age, (flow, [mss, scale, sack, stamps], now, age) => {
      const data = cookieData(flow.family, 0, scale, sack, stamps) | (mss << 12);
      const own = cookies();
      assert.equal(own.check(ackOf(flow, own.issue(synOf(flow), data, now)), now + age), data);
    }),
  );
});

test('a cookie is good in its own minute and the three after it, before and after the change of secrets', () => {
  for (let minute = 0; minute < 40; minute++) {
    const own = cookies();
    const cookie = own.issue(synOf(flow), DATA, minute * MINUTE);
    for (let age = 0; age < 20; age++) {
      const data = own.check(ackOf(flow, cookie), (minute + age) * MINUTE);
      assert.equal(data, age < 4 ? DATA : -1, `issued in minute ${minute}, ${age} minutes old`);
    }
  }
});

test('a cookie of the future is none, nor is one that is 256 minutes old', () => {
  const own = cookies();
  const cookie = own.issue(synOf(flow), DATA, 300 * MINUTE);
  assert.equal(own.check(ackOf(flow, cookie), 299 * MINUTE), -1);
  assert.equal(own.check(ackOf(flow, cookie), 556 * MINUTE), -1);
});

test('a cookie is bound to every address and port, to the sequence numbers, and to the secret', () => {
  const own = cookies();
  for (const family of [4, 6]) {
    const good = ackOf({ ...flow, family }, own.issue(synOf({ ...flow, family }), DATA, 0));
    assert.equal(own.check(good, 0), DATA);
    const sides = ['source', 'destination'].flatMap((side) =>
      (family === 4 ? [3] : [0, 1, 2, 3]).map((word) => `${side}${word}`),
    );
    for (const field of [...sides, 'ports', 'sequence', 'acknowledgment']) {
      // Higher bits of the acknowledgment turn one's own cookie into one with other data: nobody else's affair.
      const bits = field === 'acknowledgment' ? 12 : 32;
      for (let bit = 0; bit < bits; bit++) {
        const before = good[field as 'ports'];
        const other = Object.assign(new Frame(), good, { [field]: before ^ (1 << bit) });
        assert.equal(own.check(other, 0), -1, `bit ${bit} of ${field}, IPv${family}`);
      }
    }
    const stranger = new SynCookies(SECRET.subarray(1, 17));
    assert.equal(stranger.check(good, 0), -1);
  }
});

test('each epoch has a secret of its own, and checking an old one does not lose the new one', () => {
  const own = cookies();
  const issue = (now: number) => own.issue(synOf(flow), DATA, now);
  assert.notEqual((issue(EPOCH) - issue(0)) & 0xffffff, 0);
  const last = issue(EPOCH - 1);
  const first = issue(EPOCH);
  for (let i = 0; i < 3; i++) {
    assert.equal(own.check(ackOf(flow, last), EPOCH), DATA);
    assert.equal(own.check(ackOf(flow, first), EPOCH), DATA);
  }
});

test('of all 24-bit data those are sound that 10 MSS, 15 window scales, SACK and timestamps make', () => {
  let sound = 0;
  for (let data = 0; data < 1 << 24; data++) if (isSoundData(data)) sound++;
  assert.equal(sound, 10 * 15 * 2 * 2);
});

test('the MSS is told by the next lower one of ten for each family, and nothing less than the lowest', () => {
  const told = (family: number, mss: number) => mssOf(cookieData(family, mss, 0, false, false), family);
  const examples = [
    [4, 1460, 1460],
    [4, 1452, 1452],
    [4, 1448, 1440],
    [4, 1400, 1280],
    [4, 1000, 536],
    [4, 536, 536],
    [4, 65535, 4312],
    [4, 64, 64],
    [4, 63, 64],
    [4, 0, 64],
    [6, 1440, 1440],
    [6, 1420, 1420],
    [6, 1419, 1360],
    [6, 1359, 1280],
    [6, 1279, 1220],
    [6, 1219, 1024],
    [6, 65535, 8940],
    [6, 0, 64],
  ] as const;
  for (const [family, mss, expected] of examples) {
    assert.equal(told(family, mss), expected, `${mss} for IPv${family}`);
  }
});

test("the data's bits are those of Alibaba's LVS: 0x207000 is SACK with the eighth MSS", () => {
  assert.equal(cookieData(4, 1452, 0, true, false), 0x207000);
  const full = cookieData(4, 4312, 14, true, true);
  assert.equal(full, 0x3e9000);
  assert.deepEqual([hasSack(full), hasTimestamp(full), windowScaleOf(full)], [true, true, 14]);
  assert.deepEqual([hasSack(0x1000), hasTimestamp(0x1000), windowScaleOf(0x1000)], [false, false, 0]);
});
