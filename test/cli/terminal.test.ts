import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { allCommands } from './commands.js';
import { main } from './toa.js';

const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

/** Runs a command on a terminal of its own (script(1)), so wide, and returns all that appeared there. */
function onTerminal(columns: number, command: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const line = `stty cols ${columns} rows 50; ${[process.execPath, ...command].map(quote).join(' ')}`;
  const { stdout, error } = spawnSync('script', ['-qec', line, '/dev/null'], {
    encoding: 'utf8',
    input: '',
    env: { ...process.env, TERM: 'xterm', NO_COLOR: '', COLUMNS: '', ...env },
  });
  assert.equal(error, undefined);
  return stdout.replaceAll('\r\n', '\n');
}

const faults = ['watch', '-r', 'test/fixtures/captures/faults.pcap'];
const trusting = [...faults, '--trust', '10.9.1.1'];

/** All that ends by itself; rows of toa watch have room for IPv4, and for short addresses of IPv6. */
const shown = [
  [],
  ['status'],
  ['doctor'],
  ['demo', '--memory'],
  ['module', 'status'],
  ['formats'],
  faults,
  trusting,
  ...allCommands().map(({ words }) => [...words, '--help']),
];

for (const columns of [80, 120]) {
  test(`on a terminal of ${columns} columns no line is longer`, () => {
    for (const args of shown) {
      const lines = stripVTControlCharacters(onTerminal(columns, [main, ...args])).split('\n');
      assert.ok(lines.length > 1);
      for (const line of lines)
        assert.ok(line.length <= columns, `toa ${args.join(' ')}: ${line.length} columns: ${line}`);
    }
  });
}

test('what is in a column of a table is under its heading, also where the last one has several lines', () => {
  const [heading = '', ...lines] = onTerminal(80, [main, 'formats'], { NO_COLOR: '1' }).trimEnd().split('\n');
  const last = heading.indexOf('USED BY');
  for (const line of lines) assert.match(line.slice(last - 2), /^ {2}\S/, line);
  assert.ok(lines.some((line) => /^ +\S/.test(line)));
});

test('what toa watch finds odd is under its heading on wide terminals, and on lines of its own on narrow ones', () => {
  const rows = (columns: number) => onTerminal(columns, [main, ...trusting], { NO_COLOR: '1' }).split('\n');
  const [heading = '', first = ''] = rows(120);
  assert.equal(first.indexOf('no-toa'), heading.indexOf('ODD'));
  const narrow = rows(80);
  const indentation = ' '.repeat(heading.indexOf('BALANCER'));
  assert.equal(narrow[1], `${indentation}ODD`);
  assert.equal(narrow[3], `${indentation}no-toa`);
  assert.equal(narrow.filter((line) => line === `${indentation}malformed`).length, 8);
});

test('on a terminal there is color, unless NO_COLOR or --color=never says otherwise', () => {
  const green = '\u001b[32m';
  assert.ok(onTerminal(80, [main, 'doctor']).includes(green));
  assert.ok(!onTerminal(80, [main, 'doctor', '--color=never']).includes('\u001b'));
  assert.ok(!onTerminal(80, [main, 'doctor'], { NO_COLOR: '1' }).includes('\u001b'));
  assert.ok(onTerminal(80, [main, 'doctor', '--color=always'], { NO_COLOR: '1' }).includes(green));
});

const longWork = `
import { withProgress } from '${new URL('../../cli/output/progress.js', import.meta.url)}';
const work = new Promise((resolve) => setTimeout(resolve, 1500, 'made'));
console.log(await withProgress('building something that has a long name', work));`;
const program = ['--input-type=module', '--eval', longWork];

test('long work is seen to go on, on a terminal, in its width; and what was shown of it goes away', () => {
  const wide = onTerminal(80, program);
  assert.equal(wide, '\r\u001b[Kbuilding something that has a long name  1 s\r\u001b[Kmade\n');
  const narrow = onTerminal(20, program);
  assert.equal(narrow, '\r\u001b[Kbuilding somet  1 s\r\u001b[Kmade\n');
});

test('elsewhere long work shows nothing', () => {
  const { stdout, stderr } = spawnSync(process.execPath, program, { encoding: 'utf8' });
  assert.deepEqual([stdout, stderr], ['made\n', '']);
  assert.equal(onTerminal(80, program, { TERM: 'dumb' }), 'made\n');
});
