import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeResults } from '../../bench/output/results-file.js';

test('each command writes its part of the results, and keeps that of the other', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'toakit-results-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'RESULTS.md');
  const parts = () =>
    readFileSync(path, 'utf8')
      .split(/\n<!--.*-->\n/)
      .map((part) => part.trim());

  writeResults('module', '## Kernel module\n', path);
  assert.deepEqual(parts(), ['', '## Kernel module']);
  writeResults('bench', '# Figures\n\nold\n', path);
  writeResults('bench', '# Figures\n', path);
  assert.deepEqual(parts(), ['# Figures', '## Kernel module']);
  writeResults('module', '## Kernel module, newer\n', path);
  assert.deepEqual(parts(), ['# Figures', '## Kernel module, newer']);
});

test('what is committed has both parts, and says of each which command wrote it', () => {
  const text = readFileSync('bench/RESULTS.md', 'utf8');
  assert.match(text, /^Written by `npm run bench -- --write`/m);
  assert.match(
    text,
    /^<!-- From here on written by `npm run test:vm -- --cost --write`. -->\n\n## Kernel module/m,
  );
});
