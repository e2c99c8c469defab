import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interleave } from '../../bench/support/rounds.js';
import { median, summarize, summarizeRounds } from '../../bench/support/statistics.js';

test('the median is the middle sample, or the mean of the middle two', () => {
  assert.equal(median([5]), 5);
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([9, 1, 5, 100]), 7);
  assert.throws(() => median([]), RangeError);
});

test('the median sorts by value, not by text, and leaves the samples as they are', () => {
  const samples = [1000, 9, 200];
  assert.equal(median(samples), 200);
  assert.deepEqual(samples, [1000, 9, 200]);
});

test('a summary has the spread beside the median', () => {
  assert.deepEqual(summarize([3, 1, 2]), { median: 2, min: 1, max: 3 });
});

test('rounds are summarized figure by figure', () => {
  const rounds = [
    { rate: 10, p50: 1 },
    { rate: 30, p50: 3 },
    { rate: 20, p50: 9 },
  ];
  assert.deepEqual(summarizeRounds(rounds), {
    rate: { median: 20, min: 10, max: 30 },
    p50: { median: 3, min: 1, max: 9 },
  });
});

test('peers take turns in every round', async () => {
  const order: string[] = [];
  const samples = await interleave([{ name: 'a' }, { name: 'b' }], 3, ({ name }) => order.push(name));
  assert.deepEqual(order, ['a', 'b', 'a', 'b', 'a', 'b']);
  assert.deepEqual(samples.get('b'), [2, 4, 6]);
});
