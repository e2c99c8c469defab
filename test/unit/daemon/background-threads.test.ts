import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

const library = new URL('../../../lib/daemon/background-threads.js', import.meta.url);

test('the threads of V8 give way to others, and the one that forwards does not', () => {
  const program = `
    import { readdirSync } from 'node:fs';
    import { getPriority } from 'node:os';
    import { lowerBackgroundThreads } from ${JSON.stringify(library)};
    const threads = readdirSync('/proc/self/task').map(Number);
    const before = getPriority();
    lowerBackgroundThreads();
    const others = threads.filter((thread) => thread !== process.pid).map((thread) => getPriority(thread));
    console.log(JSON.stringify({ own: getPriority() - before, others }));
  `;
  const told = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  const { own, others } = JSON.parse(told) as { own: number; others: number[] };
  assert.equal(own, 0);
  assert.ok(others.length > 0);
  assert.deepEqual(new Set(others), new Set([19]));
});
