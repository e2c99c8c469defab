import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomStream } from '../../../lib/balancer/random-stream.js';
import { Scheduling } from '../../support/scheduling.js';

const DRAWS = 50_000;

/** Each letter's part of many choices; the generator's seed is fixed. */
function parts(scheduling: Scheduling): Record<string, number> {
  const picks = scheduling.picks(DRAWS);
  return Object.fromEntries(
    scheduling.letters.map((letter) => [letter, (picks.split(letter).length - 1) / DRAWS]),
  );
}

function assertNear(actual: Record<string, number>, expected: Record<string, number>): void {
  for (const [letter, part] of Object.entries(expected)) {
    // Four standard deviations at most are 0.9 %.
    assert.ok(Math.abs(actual[letter]! - part) < 0.01, `${letter} got ${actual[letter]}, not ${part}`);
  }
}

const twos = (weights: readonly number[]) => new Scheduling('twos', weights, { random: randomStream(42) });

test('twos draws idle real servers by their weights, the first with one chance more', () => {
  assertNear(parts(twos([1, 2, 3])), { A: 2 / 7, B: 2 / 7, C: 3 / 7 });
});

test('twos takes a loaded real server only when it is drawn twice', () => {
  const scheduling = twos([3, 3, 3]).load('B', { active: 100 });
  assertNear(parts(scheduling), { B: (3 / 10) ** 2 });
});

test('twos compares loads by weight', () => {
  // 20 connections of weight 10 are less than 3 of weight 1: B only when drawn twice.
  const scheduling = twos([10, 1]).load('A', { active: 20 }).load('B', { active: 3 });
  assertNear(parts(scheduling), { A: 1 - (1 / 12) ** 2, B: (1 / 12) ** 2 });
});

test('twos never takes the quiesced and the overloaded', () => {
  const scheduling = twos([1, 1, 1, 1]).weigh('A', 0).load('C', { overloaded: true });
  assertNear(parts(scheduling), { A: 0, B: 2 / 3, C: 0, D: 1 / 3 });
});

test('twos keeps real servers nearly level where chance alone would not', () => {
  const scheduling = twos(Array(10).fill(1));
  scheduling.holds(10_000);
  const loads = scheduling.servers.map((server) => server.active);
  assert.ok(Math.max(...loads) - Math.min(...loads) < 20, loads.join());
});

test('twos draws each of the two anew, in this order', () => {
  const drawn = [0, 3]; // the first, and the last
  const scheduling = new Scheduling('twos', [1, 1, 1], { random: () => drawn.shift()! });
  assert.equal(scheduling.load('A', { active: 1 }).pick(), 'C');
  drawn.push(3, 0);
  assert.equal(scheduling.pick(), 'C');
});

test('a random stream repeats with its seed, and differs with it', () => {
  const take = (seed: number) => {
    const next = randomStream(seed);
    return Array.from({ length: 1000 }, next);
  };
  assert.deepEqual(take(7), take(7));
  assert.equal(new Set([...take(7), ...take(8)]).size, 2000);
  assert.ok(take(0).every((value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32));
});
