import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const loop = fileURLToPath(new URL('../../support/heap-loop.js', import.meta.url));

test('a million packets of a known connection leave nothing on the heap', () => {
  // A young generation larger than anything the loop could allocate: garbage would be seen, not collected.
  const flags = ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128'];
  const report = execFileSync(process.execPath, [...flags, loop], { encoding: 'utf8', timeout: 120_000 });
  const { packets, grown, forwarded } = JSON.parse(report) as Record<string, number>;
  assert.equal(packets, 1_000_000);
  assert.equal(forwarded, packets, 'all were forwarded');
  assert.ok(grown! / packets! < 0.5, `${grown} bytes for ${packets} packets`);
});
