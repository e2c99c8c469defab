/** Choices that the kernel's own schedulers made: Linux 6.12, and for the hashes older ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Profile, SchedulerName } from '../../../lib/balancer/config/model.js';
import { Scheduling } from '../../support/scheduling.js';

const repeated = (period: string, length: number) =>
  period.repeat(Math.ceil(length / period.length)).slice(0, length);

const TURNS: readonly [SchedulerName, readonly number[], period: string][] = [
  ['rr', [1, 0, 3], 'AC'],
  ['wrr', [4, 3, 2], 'AABABCABC'],
  ['wrr', [5, 1, 1], 'AAAAABC'],
  ['wrr', [10, 5, 0], 'AAB'],
  ['wrr', [4, 4, 2], 'ABABC'],
  ['wrr', [1, 2, 3], 'CBCABC'],
  ['wrr', [3, 1, 2], 'AACABC'],
  ['wrr', [0, 0, 0], '-'],
  ['rr', [0, 0], '-'],
  ['rr', [], '-'],
  ['wrr', [], '-'],
];

for (const [name, weights, period] of TURNS) {
  test(`${name} takes real servers of weights [${weights}] in the order ${period}, again and again`, () => {
    assert.equal(new Scheduling(name, weights).picks(40), repeated(period, 40));
  });
}

const LEAST: readonly [SchedulerName, readonly number[], picks: string][] = [
  ['lc', [4, 2, 1], 'ABCABCABCABCAB'],
  ['wlc', [4, 2, 1], 'ABCAABAABCAABA'],
  ['wlc', [3, 1, 2], repeated('ABCACA', 18)],
  ['wlc', [10, 1, 1], 'ABCAAAAAAAAAAB'],
  ['wlc', [0, 2, 1], 'BCBBCBBCB'],
  ['sed', [4, 2, 1], 'AABAABCAABAABC'],
  ['sed', [3, 1, 2], repeated('ACAABC', 18)],
  ['sed', [10, 1, 1], 'AAAAAAAAAABCAA'],
  ['sed', [0, 2, 1], 'BBCBBCBBC'],
  ['nq', [4, 2, 1], 'ABCAAABAABAABC'],
  ['nq', [3, 1, 2], 'ABCAACACAABC'],
  ['nq', [10, 1, 1], 'ABCAAAAAAAAAAA'],
  ['fo', [1, 5, 5], 'BBBBBBBB'],
  ['ovf', [1, 3, 2], 'BBBBCCCAA--'],
];

for (const [name, weights, picks] of LEAST) {
  test(`${name} fills real servers of weights [${weights}] in the order ${picks}`, () => {
    assert.equal(new Scheduling(name, weights).holds(picks.length), picks);
  });
}

for (const name of [
  'lc',
  'wlc',
  'lblc',
  'lblcr',
  'dh',
  'sh',
  'sed',
  'nq',
  'mh',
  'fo',
  'ovf',
  'twos',
] as const) {
  test(`${name} has no real server for a client where there is none, or none with a weight`, () => {
    assert.equal(new Scheduling(name, []).pick(), '-');
    assert.equal(new Scheduling(name, [0, 0, 0], { fallback: true }).pick(), '-');
  });
}

test('of equal loads by one profile the other tells apart', () => {
  const near = (profile: Profile) => {
    const scheduling = new Scheduling('lc', [1, 1], { profile });
    return scheduling.load('A', { active: 1, inactive: 0 }).load('B', { active: 0, inactive: 256 });
  };
  assert.equal(near('alibaba').pick(), 'A'); // 256 against 256: the first
  assert.equal(near('dpvs').pick(), 'A');
  assert.equal(near('kernel').pick(), 'B'); // 257 against 256
});

test('wlc and twos compare with the overhead of the profile too', () => {
  for (const [name, profile, picked] of [
    ['wlc', 'alibaba', 'A'],
    ['wlc', 'kernel', 'B'],
  ] as const) {
    const scheduling = new Scheduling(name, [2, 2], { profile });
    scheduling.load('A', { active: 1 }).load('B', { inactive: 256 });
    assert.equal(scheduling.pick(), picked);
  }
});
