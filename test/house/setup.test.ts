import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

/** Commands of the base system that scripts/setup calls. curl and python3 are not among them: they are what is missing. */
const baseSystem = [
  'sh',
  'basename',
  'cat',
  'dirname',
  'env',
  'find',
  'head',
  'mktemp',
  'rm',
  'touch',
  'true',
];

interface Machine {
  /** What the commands below wrote down, in order: one line per call. */
  calls(): string[];
  setup(command: string): { status: number | null; stdout: string; stderr: string };
}

/** A checkout that is built and has its npm dependencies, on a machine with nothing but the base system and `commands`. */
function machine(t: TestContext, commands: Record<string, string>): Machine {
  const root = mkdtempSync(join(tmpdir(), 'toakit-setup-'));
  t.after(() => rmSync(root, { recursive: true }));
  const record = join(root, 'calls');
  writeFileSync(record, '');
  for (const folder of ['bin', 'dist', 'modules', 'scripts']) mkdirSync(join(root, folder));
  symlinkSync('modules', join(root, 'node_modules'));

  const addCommand = (path: string, body: string) => {
    const source = `#!/bin/sh\necho "$(basename "$0") $*" >>${record}\n${body}\n`;
    writeFileSync(join(root, path), source, { mode: 0o755 });
  };
  copyFileSync('scripts/setup', join(root, 'scripts/setup'));
  for (const name of baseSystem) symlinkSync(`/usr/bin/${name}`, join(root, 'bin', name));
  for (const [name, body] of Object.entries(commands)) addCommand(`bin/${name}`, body);
  addCommand('scripts/build-addon', '');
  writeFileSync(join(root, 'dist/.built'), '');

  return {
    calls: () => readFileSync(record, 'utf8').trimEnd().split('\n'),
    setup: (command) => {
      const { status, stdout, stderr } = spawnSync(join(root, 'scripts/setup'), [command], {
        encoding: 'utf8',
        env: { PATH: join(root, 'bin') },
      });
      return { status, stdout, stderr };
    },
  };
}

const root = 'echo 0';
const somebody = 'echo 1000';

test('missing Debian packages are installed by root, and their purpose is told on stderr', (t) => {
  const { setup, calls } = machine(t, { id: root, 'apt-get': '' });
  const { status, stdout, stderr } = setup('demo');
  assert.equal(status, 0, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^ {2}curl for real clients$/m);
  const installs = calls().filter((call) => call.startsWith('apt-get'));
  assert.equal(installs.length, 1);
  assert.match(installs[0]!, / install -y --no-install-recommends .*\bpython3\b.*\bcurl\b/);
});

test('where the package lists are missing or old, they are fetched and the packages tried again', (t) => {
  const { setup, calls } = machine(t, {
    id: root,
    'apt-get': `
      fetched=$(dirname "$0")/fetched
      case "$*" in *update*) touch "$fetched" ;; esac
      test -e "$fetched" || { echo "E: Unable to locate package"; exit 100; }`,
  });
  const { status, stderr } = setup('demo');
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stderr, /Unable to locate/);
  const verbs = calls().flatMap((call) => /^apt-get .*(install|update)/.exec(call)?.[1] ?? []);
  assert.deepEqual(verbs, ['install', 'update', 'install']);
});

test('when apt-get fails for good, its words are shown and nothing goes on', (t) => {
  const { setup, calls } = machine(t, { id: root, 'apt-get': 'echo "E: no space left"; exit 100' });
  const { status, stdout, stderr } = setup('demo');
  assert.equal(status, 100);
  assert.equal(stdout, '');
  assert.match(stderr, /E: no space left/);
  assert.ok(!calls().some((call) => call.startsWith('build-addon')));
});

test('sudo is used where it asks for no password', (t) => {
  const { setup, calls } = machine(t, { id: somebody, sudo: 'shift; exec "$@"', 'apt-get': '' });
  const { status, stderr } = setup('demo');
  assert.equal(status, 0, stderr);
  assert.ok(calls().some((call) => /^sudo -n env .*apt-get .*install/.test(call)));
});

test('without root and sudo it prints one line to run, and stops', (t) => {
  const { setup, calls } = machine(t, { id: somebody, sudo: 'exit 1', 'apt-get': '' });
  const { status, stdout, stderr } = setup('demo');
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.match(
    stderr,
    /^ {2}sudo apt-get update && sudo apt-get install -y --no-install-recommends .*\bcurl\b/m,
  );
  assert.ok(!calls().some((call) => call.startsWith('apt-get')));
});

test('a system without apt-get goes on without the packages', (t) => {
  const { setup, calls } = machine(t, { id: somebody });
  const { status, stderr } = setup('demo');
  assert.equal(status, 0, stderr);
  assert.match(stderr, /going on without/);
  assert.equal(calls().at(-1), 'build-addon');
});

test('when nothing is missing it says nothing', (t) => {
  const present = ['python3', 'make', 'g++', 'ip', 'nft', 'curl'].map((name) => [name, '']);
  const { setup } = machine(t, { id: somebody, ...Object.fromEntries(present) });
  assert.deepEqual(setup('demo'), { status: 0, stdout: '', stderr: '' });
});
