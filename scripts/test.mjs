/**
 * Runs the test suites: `npm test`, or `npm test -- PATTERN ...` for the test files whose path contains one of the patterns.
 *
 * `node --test` expands no globs on Node 20, and one run has one concurrency. Suites that share the machine's namespaces,
 * processors or package folder run one file at a time; the others run side by side. All end in one summary.
 */
import { readdirSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { Readable } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const summaryLine = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/;

const groups = [
  { name: 'unit', concurrency: 2 },
  { name: 'parser', suites: ['parser'], concurrency: 1 },
  { name: 'packaging', suites: ['packaging'], concurrency: 1 },
  { name: 'namespaces', suites: ['network', 'bench'], concurrency: 1 },
  { name: 'command line', suites: ['cli'], concurrency: 1 },
];

// A file that takes longer (milliseconds) hangs: it is cut, and counts as canceled.
const timeout = 300_000;

/** The name of the group that a test file belongs to: by its suite, the folder below test/. */
function groupOf(path) {
  const suite = path.split(sep)[1];
  return groups.find((group) => group.suites?.includes(suite))?.name ?? 'unit';
}

/** Paths of the test sources, relative to the root. The sources name the tests, dist/ only holds what runs. */
function testFiles(patterns) {
  return readdirSync(join(root, 'test'), { recursive: true })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => join('test', path))
    .filter((path) => patterns.length === 0 || patterns.some((pattern) => path.includes(pattern)))
    .sort();
}

/** The events of several runs as those of one: the summaries are added up in `totals` and come last. */
async function* events(files, totals) {
  for (const { name, concurrency } of groups) {
    const sources = files.filter((path) => groupOf(path) === name);
    if (sources.length === 0) continue;
    const started = performance.now();
    const compiled = sources.map((path) => join(root, 'dist', path.replace(/\.ts$/, '.js')));
    for await (const event of run({ files: compiled, concurrency, timeout })) {
      const isOfRun = event.type === 'test:diagnostic' && event.data.nesting === 0;
      const total = isOfRun && summaryLine.exec(event.data.message);
      if (total) totals.set(total[1], (totals.get(total[1]) ?? 0) + Number(total[2]));
      else yield event;
    }
    const seconds = Math.round((performance.now() - started) / 1000);
    console.error(`toakit: ${name}: ${sources.length} files in ${seconds} seconds`);
  }
  for (const [name, value] of totals) {
    yield { type: 'test:diagnostic', data: { nesting: 0, message: `${name} ${value}` } };
  }
}

const patterns = process.argv.slice(2);
const files = testFiles(patterns);
if (files.length === 0) {
  console.error(`toakit: no test file matches ${patterns.join(', ')}`);
  process.exit(2);
}

const totals = new Map();
const report = Readable.from(events(files, totals)).compose(new spec());
for await (const text of report) process.stdout.write(text);
process.exitCode =
  totals.get('pass') > 0 && totals.get('fail') === 0 && totals.get('cancelled') === 0 ? 0 : 1;
