/** lblc and lblcr: what they remember of the addresses that clients connect to, and for how long. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scheduling } from '../../support/scheduling.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const to = (index: number) => `100.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
const X = to(0);
const Y = to(1);

test('lblc leaves an address with its real server until that is overloaded and another is not', () => {
  // The fourth finds A with 3 of 2 and B idle; later nobody has less than half of his weight.
  assert.equal(new Scheduling('lblc', [2, 2]).holds(9), 'AAABBBBBB');
});

test('lblcr adds a real server to those of an address where lblc changes it', () => {
  // From the fourth on both are the address's: the less loaded is taken, of equals the one added last.
  assert.equal(new Scheduling('lblcr', [2, 2]).holds(10), 'AAABBBBABA');
});

for (const name of ['lblc', 'lblcr'] as const) {
  test(`${name} spreads addresses as wlc does, and each stays where it is`, () => {
    const scheduling = new Scheduling(name, [400, 200, 100]);
    const first = Array.from({ length: 14 }, (_, i) => scheduling.hold({ to: to(i) })).join('');
    assert.equal(first, 'ABCAABAABCAABA');
    const again = Array.from({ length: 14 }, (_, i) => scheduling.hold({ to: to(i) })).join('');
    assert.equal(again, first);
  });

  test(`${name} knows IPv6 addresses by all their words`, () => {
    const scheduling = new Scheduling(name, [100, 100]);
    // These have the same exclusive or.
    const addresses = ['2001:db8::1', '2001:db8:0:1::', '2001:db8:0:0:0:1::', '::1:2001:db8'];
    const first = addresses.map((address) => scheduling.hold({ from: 'fd00::1', to: address })).join('');
    assert.equal(first, 'ABAB');
    assert.equal(addresses.map((address) => scheduling.pick({ to: address })).join(''), first);
  });

  test(`${name} moves the addresses of a real server that is quiesced or removed`, () => {
    const scheduling = new Scheduling(name, [9, 9, 9]);
    assert.equal(scheduling.hold({ to: X }), 'A');
    assert.equal(scheduling.weigh('A', 0).hold({ to: X }), 'B');
    assert.equal(scheduling.remove('B').hold({ to: X }), 'C');
    assert.equal(scheduling.weigh('C', 0).hold({ to: X }), '-');
  });

  test(`${name} forgets an address that nobody used for a day, at the next half hour`, () => {
    // A is so loaded that a new address goes to B.
    const known = (start: number) => {
      const scheduling = new Scheduling(name, [9, 9]);
      scheduling.pick({ to: Y, now: 0 });
      assert.equal(scheduling.pick({ to: X, now: start }), 'A');
      return scheduling.load('A', { inactive: 1000 });
    };
    assert.equal(known(0).pick({ to: X, now: 24 * HOUR - 1 }), 'A');
    assert.equal(known(0).pick({ to: X, now: 24 * HOUR }), 'B');
    assert.equal(known(10 * MINUTE).pick({ to: X, now: 24.5 * HOUR - 1 }), 'A');
    assert.equal(known(10 * MINUTE).pick({ to: X, now: 24.5 * HOUR }), 'B');
  });

  test(`${name} keeps an address for as long as it is used`, () => {
    const scheduling = new Scheduling(name, [9, 9]);
    assert.equal(scheduling.pick({ to: X }), 'A');
    scheduling.load('A', { inactive: 1000 });
    for (let now = 0; now < 100 * HOUR; now += 23 * HOUR) assert.equal(scheduling.pick({ to: X, now }), 'A');
  });

  test(`${name} of too many addresses forgets some that are idle for six minutes`, () => {
    const scheduling = new Scheduling(name, [9, 0]);
    const count = 16_384 + 300;
    for (let i = 0; i < count; i++) assert.equal(scheduling.pick({ to: to(i) }), 'A');
    scheduling.load('A', { inactive: 1000 }).weigh('B', 9);
    // Used lately, so it stays.
    assert.equal(scheduling.pick({ to: X, now: MINUTE - 1 }), 'A');
    assert.equal(scheduling.pick({ to: to(count), now: 6 * MINUTE - 1 }), 'B');
    let moved = '';
    for (let i = 0; i < count; i++) moved += scheduling.pick({ to: to(i), now: 6 * MINUTE });
    // A third more than there are too many of: 301 * 4 / 3.
    assert.equal(moved, `A${'B'.repeat(401)}${'A'.repeat(count - 402)}`);
  });

  test(`${name} remembers 32768 addresses at most, and schedules the others as wlc does`, () => {
    const scheduling = new Scheduling(name, [9, 0]);
    for (let i = 0; i <= 32_768; i++) assert.equal(scheduling.pick({ to: to(i) }), 'A');
    scheduling.load('A', { inactive: 1000 }).weigh('B', 9);
    assert.equal(scheduling.pick({ to: to(32_767) }), 'A');
    assert.equal(scheduling.pick({ to: to(32_768) }), 'B');
  });
}

test('of twice as many addresses as it should be no more than half as many are forgotten in a minute', () => {
  const scheduling = new Scheduling('lblc', [9, 0]);
  for (let i = 0; i < 32_768; i++) scheduling.pick({ to: to(i) });
  scheduling.load('A', { inactive: 1000 }).weigh('B', 9);
  let moved = '';
  for (let i = 0; i < 32_768; i++) moved += scheduling.pick({ to: to(i), now: 6 * MINUTE });
  assert.equal(moved, 'B'.repeat(8192) + 'A'.repeat(24_576));
});

test('lblc leaves an address with a real server that is over its threshold, as the kernel does', () => {
  const scheduling = new Scheduling('lblc', [9, 9]);
  assert.equal(scheduling.pick({ to: X }), 'A');
  assert.equal(scheduling.load('A', { overloaded: true }).pick({ to: X }), 'A');
  assert.equal(scheduling.pick({ to: Y }), 'B');
});

test('lblcr adds another real server to an address whose own is over its threshold, and comes back to it', () => {
  const scheduling = new Scheduling('lblcr', [9, 9]);
  assert.equal(scheduling.pick({ to: X }), 'A');
  assert.equal(scheduling.load('A', { overloaded: true }).hold({ to: X }), 'B');
  assert.equal(scheduling.load('A', { overloaded: false }).pick({ to: X }), 'A');
});

test('lblcr removes the most loaded of several real servers a day after the last change', () => {
  /** X has A and B, the latter added at time 0. */
  const replicated = () => {
    const scheduling = new Scheduling('lblcr', [2, 2]);
    assert.equal(scheduling.holds(4, { to: X }), 'AAAB');
    scheduling.load('A', { active: 0, inactive: 5 }).load('B', { active: 0, inactive: 0 });
    assert.equal(scheduling.pick({ to: X, now: 12 * HOUR }), 'B');
    return scheduling;
  };
  const whoIsLeft = (now: number, scheduling = replicated()) => {
    scheduling.pick({ to: X, now });
    // Idle now, A would be taken if it were X's still.
    return scheduling.load('A', { inactive: 0 }).load('B', { inactive: 5 }).pick({ to: X, now });
  };
  assert.equal(whoIsLeft(24 * HOUR), 'A');
  assert.equal(whoIsLeft(24 * HOUR + 1), 'B');
  // Of equals the one added last is removed.
  assert.equal(whoIsLeft(24 * HOUR + 1, replicated().load('A', { inactive: 0 })), 'A');
  // No change is that A was to be added when it was there already.
  const again = replicated().load('A', { active: 3 }).load('B', { overloaded: true });
  assert.equal(again.pick({ to: X, now: 20 * HOUR }), 'A');
  again.load('A', { active: 0 }).load('B', { overloaded: false });
  assert.equal(whoIsLeft(24 * HOUR + 1, again), 'B');
});

test('lblcr does not remove the last real server of an address', () => {
  const scheduling = new Scheduling('lblcr', [2, 2]);
  for (let now = 0; now < 100 * HOUR; now += 20 * HOUR) assert.equal(scheduling.pick({ to: X, now }), 'A');
  scheduling.load('A', { inactive: 5 });
  assert.equal(scheduling.pick({ to: X, now: 101 * HOUR }), 'A');
});
