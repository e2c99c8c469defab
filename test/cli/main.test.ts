import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

test('a file that cannot be read is usage, or permission: exit 2 or 4, with what to do', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'toa-files-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { status, stderr } = toa(['watch', '--read', folder]);
  assert.equal(status, 2);
  assert.match(stderr, /^toa: EISDIR: .*\n\(toa watch --help shows what it takes\)\n$/);

  const secret = join(folder, 'secret.pcap');
  writeFileSync(secret, '', { mode: 0 });
  // Root without the power to read everybody's files.
  const withoutPower =
    process.geteuid?.() === 0 ? ['setpriv', '--bounding-set', '-all', '--inh-caps', '-all'] : ['env'];
  const [command = '', ...args] = [...withoutPower, process.execPath, main, 'watch', '--read', secret];
  const denied = spawnSync(command, args, { encoding: 'utf8' });
  assert.equal(denied.status, 4);
  assert.match(denied.stderr, /^toa: EACCES: .*\n\(run it as root, or with sudo\)\n$/);
});

test('what nobody has thought of exits with 1, shows where it was, and asks for a report', () => {
  const script = `
    import { report } from '${new URL('../../cli/report.js', import.meta.url)}';
    process.exitCode = report(new TypeError('surprise'), 'toa');`;
  const args = ['--input-type=module', '--eval', script];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.deepEqual([status, stdout], [1, '']);
  assert.match(
    stderr,
    /^toa: unexpected error: TypeError: surprise\n +at .*\n[\s\S]*\n\(this is a fault of toakit: .*\)\n$/,
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
    [['help', 'formatz'], 'formats'],
    [['help', 'lb', 'rum'], 'run'],
    [['formatz', '--help'], 'formats'],
  ] as const) {
    const { status, stdout, stderr } = toa(args);
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.match(stderr, new RegExp(`^toa: unknown .*\n\\(Did you mean ${suggestion}\\?\\)\n`));
  }
});

test('toa help of a command is its --help, also below another one', () => {
  for (const words of [[], ['formats'], ['lb'], ['lb', 'run']]) {
    const { status, stdout } = toa(['help', ...words]);
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`^Usage: ${['toa', ...words].join(' ')} \\[`));
    assert.equal(stdout, toa([...words, '--help']).stdout);
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

test('output that cannot be written ends toa with 1 and the reason, standard error too', () => {
  const full = (redirection: string) =>
    spawnSync('sh', ['-c', `"$0" "$1" formats ${redirection}`, process.execPath, main], { encoding: 'utf8' });
  const { status, stderr } = full('>/dev/full');
  assert.equal(status, 1);
  assert.equal(stderr, 'toa: cannot write the output: ENOSPC: no space left on device, write\n');
  assert.equal(full('surplus 2>/dev/full').status, 1);
});
