import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { main, toa } from './toa.js';

test('toa --help and toa help print the help on standard output and exit with 0', () => {
  for (const args of [['--help'], ['-h'], ['help'], ['--color', 'never', '--help']]) {
    const { status, stdout, stderr } = toa(args);
    assert.equal(status, 0);
    assert.equal(stderr, '');
    for (const word of ['Usage: toa', 'demo', 'lb', 'formats', 'Examples:', 'Exit status:']) {
      assert.ok(stdout.includes(word), `${word} is missing in\n${stdout}`);
    }
  }
});

test('toa alone is toa status', () => {
  for (const [alone, named] of [
    [[], ['status']],
    [['--json'], ['status', '--json']],
    [['--color', 'always'], ['status']],
  ] as const) {
    const { status, stdout, stderr } = toa(alone);
    assert.deepEqual([status, stderr], [0, '']);
    assert.equal(stdout, toa(named).stdout);
  }
});

test('an error without a remedy of its own says where to look', () => {
  const { status, stderr } = toa(['lb', 'run', '-c', '/nowhere/lb.json']);
  assert.equal(status, 2);
  assert.match(
    stderr,
    /^toa: \/nowhere\/lb\.json cannot be read: .*\n\(toa lb run --help shows what it takes\)\n$/,
  );
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
    assert.match(stderr, new RegExp(`^toa: unknown .*\n\\(Did you mean ${suggestion}\\?\\)\n`));
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
