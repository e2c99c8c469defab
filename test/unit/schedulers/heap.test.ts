import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { schedulerNames } from '../../../lib/balancer/config/model.js';

const loop = fileURLToPath(new URL('../../support/scheduling-heap-loop.js', import.meta.url));

test('no scheduler leaves anything on the heap when it chooses', () => {
  // A young generation larger than anything the loop could allocate: garbage would be seen, not collected.
  // Compiled at once, not when another thread comes to it: what is not compiled yet puts numbers on the heap.
  const flags = [
    '--expose-gc',
    '--no-concurrent-recompilation',
    '--min-semi-space-size=128',
    '--max-semi-space-size=128',
  ];
  const report = execFileSync(process.execPath, [...flags, loop], { encoding: 'utf8', timeout: 120_000 });
  const grown = JSON.parse(report) as Record<string, number>;
  for (const name of schedulerNames) {
    // The smallest thing there is on the heap, a number, has 12 bytes.
    assert.ok(grown[name]! < 6, `${name} leaves ${grown[name]} bytes with each choice`);
  }
});
