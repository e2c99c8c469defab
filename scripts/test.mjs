/**
 * Runs the test suites: `npm test`, or `npm test -- PATTERN ...` for the test files whose path contains one of the patterns.
 *
 * `node --test` expands no globs on Node 20, and one run has one concurrency. Suites that share the machine's namespaces,
 * processors or package folder run one file at a time; the others run side by side. Both runs end in one summary.
 */
import { readdirSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const oneAtATime = new Set(['network', 'cli', 'packaging', 'bench']);
const summaryLine = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/;

/** Paths of the test sources, relative to the root. The sources name the tests: dist/ may hold more than was asked for. */
function testFiles(patterns) {
  return readdirSync(join(root, 'test'), { recursive: true })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => join('test', path))
    .filter((path) => patterns.length === 0 || patterns.some((pattern) => path.includes(pattern)))
    .sort();
}

/** The events of several runs as those of one: the summaries are added up and come last. */
async function* events(groups, totals) {
  for (const { name, files, concurrency, timeout } of groups) {
    const started = performance.now();
    const compiled = files.map((path) => join(root, 'dist', path.replace(/\.ts$/, '.js')));
    for await (const event of run({ files: compiled, concurrency, timeout })) {
      const total =
        event.type === 'test:diagnostic' && event.data.nesting === 0 && summaryLine.exec(event.data.message);
      if (!total) yield event;
      else totals.set(total[1], (totals.get(total[1]) ?? 0) + Number(total[2]));
    }
    const minutes = (performance.now() - started) / 60_000;
    console.error(`toakit: ${name}: ${files.length} files in ${minutes.toFixed(1)} minutes`);
  }
  for (const [name, value] of totals) {
    yield { type: 'test:diagnostic', data: { nesting: 0, message: `${name} ${value}` } };
  }
}

const files = testFiles(process.argv.slice(2));
if (files.length === 0) {
  console.error(`toakit: no test file matches ${process.argv.slice(2).join(', ')}`);
  process.exit(2);
}

const isAlone = (path) => oneAtATime.has(path.split(sep)[1]);
const groups = [
  // A file that takes longer hangs: it is cut, and counts as canceled.
  { name: 'side by side', files: files.filter((path) => !isAlone(path)), concurrency: 2, timeout: 120_000 },
  { name: 'one at a time', files: files.filter(isAlone), concurrency: 1, timeout: 300_000 },
].filter((group) => group.files.length > 0);

const totals = new Map();
for await (const text of Readable.from(events(groups, totals)).compose(new spec()))
  process.stdout.write(text);
process.exitCode =
  totals.get('pass') > 0 && totals.get('fail') === 0 && totals.get('cancelled') === 0 ? 0 : 1;
