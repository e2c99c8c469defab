import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { skipOrFail } from '../support/require.js';
import { allCommands } from './commands.js';

const page = 'dist/toa.1';

/** What a program says of the page, its warnings too; undefined where there is no such program, and the test is skipped. */
function reads(t: TestContext, program: string, ...args: string[]): string | undefined {
  const { stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: '80', MANPAGER: 'cat' },
  });
  if (error === undefined) return stdout + stderr;
  skipOrFail(t, 'shells', `there is no ${program} here`);
  return undefined;
}

test('the man page is that of the commands as they are', () => {
  const { stdout } = spawnSync(process.execPath, ['scripts/man-page.mjs'], { encoding: 'utf8' });
  const withoutDate = (text: string) => text.slice(text.indexOf('\n'));
  assert.equal(withoutDate(readFileSync(page, 'utf8')), withoutDate(stdout));
});

test('mandoc and groff have nothing to object', (t) => {
  assert.equal(reads(t, 'mandoc', '-T', 'lint', '-W', 'warning', page) ?? '', '');
  assert.equal(reads(t, 'groff', '-man', '-Tutf8', '-ww', '-z', page) ?? '', '');
});

test('man shows every command with its options, in 80 columns', (t) => {
  const shown = reads(t, 'man', '--warnings', '-l', `./${page}`);
  if (shown === undefined) return;
  for (const line of shown.split('\n')) assert.ok(line.length <= 80, line);
  for (const { words, command } of allCommands()) {
    if (command.commands.length > 0) continue;
    const title = `   ${['toa', ...words].join(' ')}`;
    const start = shown.split('\n').findIndex((line) => line === title || line.startsWith(`${title} `));
    assert.ok(start >= 0, title);
    const section = shown.split('\n').slice(start + 1);
    const end = section.findIndex((line) => /^ {0,3}\S/.test(line));
    const text = section.slice(0, end).join('\n');
    for (const { long } of command.options) assert.ok(text.includes(long!), `${title} ${long}`);
  }
});

test('the date of the page is that of SOURCE_DATE_EPOCH, for builds that are to be the same again', () => {
  const env = { ...process.env, SOURCE_DATE_EPOCH: '86400' };
  const { stdout } = spawnSync(process.execPath, ['scripts/man-page.mjs'], { encoding: 'utf8', env });
  assert.match(stdout, /^\.TH TOA 1 1970-01-02 "toakit [\d.]+" "User Commands"\n/);
});
