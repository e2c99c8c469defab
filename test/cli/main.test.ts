import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { main, toa } from './toa.js';

test('toa alone, and toa --help, print the help on standard output and exit with 0', () => {
  for (const args of [[], ['--help'], ['help']]) {
    const { status, stdout, stderr } = toa(args);
    assert.equal(status, 0);
    assert.equal(stderr, '');
    for (const word of ['Usage: toa', 'demo', 'lb', 'formats', 'Examples:', 'Exit status:']) {
      assert.ok(stdout.includes(word), `${word} is missing in\n${stdout}`);
    }
  }
});

const moduleCommands = ['install', 'remove', 'status', 'load', 'unload'].map((name) => ['module', name]);

test('the help of each command fits into 80 columns', () => {
  for (const command of [
    [],
    ['demo'],
    ['lb'],
    ['lb', 'run'],
    ['formats'],
    ['build-addon'],
    ...moduleCommands,
  ]) {
    const { stdout } = toa([...command, '--help']);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, `${line.length} columns: ${line}`);
  }
});

test('toa --version prints the version of the package', () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  assert.equal(toa(['--version']).stdout, `${manifest.version}\n`);
});

test('an unknown command exits with 2 and suggests a known one, on standard error', () => {
  for (const [args, suggestion] of [
    [['formatz'], 'formats'],
    [['lb', 'rum'], 'run'],
    [['demo', '--jsn'], '--json'],
  ] as const) {
    const { status, stdout, stderr } = toa(args);
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.match(stderr, new RegExp(`unknown .*\n\\(Did you mean ${suggestion}\\?\\)`));
  }
});

test('toa lb without a command, and a missing or wrong option, exit with 2', () => {
  for (const args of [['lb'], ['lb', 'run'], ['formats', 'surplus'], ['--color', 'green', 'formats']]) {
    const { status, stdout } = toa(args);
    assert.equal(status, 2, args.join(' '));
    assert.equal(stdout, '');
  }
});

test('a reader that has seen enough ends toa without a word', () => {
  const { stdout, stderr } = spawnSync(
    'sh',
    ['-c', '"$0" "$1" formats | head -n 1', process.execPath, main],
    {
      encoding: 'utf8',
    },
  );
  assert.match(stdout, /^FORMAT/);
  assert.equal(stderr, '');
});
