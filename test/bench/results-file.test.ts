import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { HEAD, MODULE, partOf, writeResults } from '../../bench/output/results-file.js';

test('each command writes its parts of the results, and keeps those of the others', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'toakit-results-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'RESULTS.md');
  const written = (parts: Record<string, string>) => {
    writeResults(parts, path);
    return readFileSync(path, 'utf8');
  };
  const [fast, slow] = [partOf('Fast, 8 cores'), partOf('Slow, 2 cores')];
  const module = `<!-- ${MODULE} -->\n\n## Kernel module\n`;
  assert.equal(written({ [MODULE]: '## Kernel module\n' }), module);
  assert.equal(
    written({ [HEAD]: '# Figures\n', [fast]: '## Fast\n' }),
    `# Figures\n\n<!-- ${fast} -->\n\n## Fast\n\n${module}`,
  );
  assert.equal(
    written({ [HEAD]: '# Figures, newer', [slow]: '## Slow' }),
    `# Figures, newer\n\n<!-- ${slow} -->\n\n## Slow\n\n<!-- ${fast} -->\n\n## Fast\n\n${module}`,
  );
  assert.equal(
    written({ [fast]: '## Fast, newer', [MODULE]: '## Kernel module, newer' }),
    `# Figures, newer\n\n<!-- ${fast} -->\n\n## Fast, newer\n\n<!-- ${slow} -->\n\n## Slow\n\n<!-- ${MODULE} -->\n\n## Kernel module, newer\n`,
  );
});

test('what is committed has a part of each kind, and says of each which command wrote it', () => {
  const text = readFileSync('bench/RESULTS.md', 'utf8');
  assert.match(text, /^# Figures\n/);
  assert.match(text, /^<!-- .+, \d+ cores, by `npm run bench -- --write` -->\n\n## /m);
  assert.ok(text.includes(`<!-- ${MODULE} -->\n\n## Kernel module`));
});
