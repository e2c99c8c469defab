import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The packets that leave nothing on the heap, and the program in test/support that sends a million of them. */
const loops = [
  ['packets of a known connection', 'heap-loop'],
  ['SYNs and bad ACKs to a service with SYN proxy', 'syn-flood-heap-loop'],
] as const;

for (const [what, program] of loops) {
  test(`a million ${what} leave nothing on the heap`, () => {
    const loop = fileURLToPath(new URL(`../../support/${program}.js`, import.meta.url));
    // A young generation larger than anything the loop could allocate: garbage would be seen, not collected.
    // Compiled at once, not when another thread comes to it: what is not compiled yet puts numbers on the heap.
    const flags = [
      '--expose-gc',
      '--no-concurrent-recompilation',
      '--min-semi-space-size=128',
      '--max-semi-space-size=128',
    ];
    const report = execFileSync(process.execPath, [...flags, loop], { encoding: 'utf8', timeout: 120_000 });
    const { packets, grown, forwarded } = JSON.parse(report) as Record<string, number>;
    assert.equal(packets, 1_000_000);
    assert.equal(forwarded, packets, 'all were sent on or back');
    assert.ok(grown! / packets! < 0.5, `${grown} bytes for ${packets} packets`);
  });
}
