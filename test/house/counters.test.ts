import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { COUNTER } from '../../lib/balancer/counters.js';
import { Arena, MEMORY_BYTES, MemoryLink } from '../../lib/link/index.js';

const text = readFileSync('docs/counters.md', 'utf8');
const [counters = '', mapping = ''] = text.split("## LVS's names");

test('docs/counters.md explains every counter once, in the order in which they are printed', () => {
  const documented = [...counters.matchAll(/^\| `([\w-]+)` \| \S/gm)].map(([, name]) => name);
  assert.deepEqual(documented, Object.keys(COUNTER));
});

test('docs/counters.md explains every counter of a link, in the order in which they are printed', () => {
  const [part = ''] = text.split('## Links\n')[1]!.split('\n## ');
  const documented = [...part.matchAll(/^\| `(\w+)` \| \S/gm)].map(([, name]) => name);
  const link = new MemoryLink(new Arena(new Uint8Array(MEMORY_BYTES)), new Uint8Array(6));
  assert.deepEqual(documented, Object.keys(link.statistics()));
});

test("what LVS's names are mapped to is counted", () => {
  const named = [...mapping.matchAll(/`((?:drop|toa|connections|fragments|syn-proxy)-[a-z-]+[a-z])`/g)];
  assert.ok(named.length > 17);
  for (const [, name] of named) assert.ok(name! in COUNTER, name);
});
