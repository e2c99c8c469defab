import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RunningProcess } from '../../cli/namespaces/process.js';
import { skipOrFail } from '../support/require.js';
import { allCommands } from './commands.js';
import { toa } from './toa.js';

type Shell = 'bash' | 'zsh' | 'fish';

function printed(shell: Shell): string {
  const { status, stdout, stderr } = toa(['completion', shell]);
  assert.deepEqual([status, stderr], [0, '']);
  return stdout;
}

/** The completion script in a file, where the shell is here; else the test is skipped, or fails with TOA_REQUIRE=shells. */
function install(t: TestContext, shell: Shell): string | undefined {
  if (spawnSync(shell, ['-c', 'exit 0']).status !== 0) {
    skipOrFail(t, 'shells', `there is no ${shell} here (apt-get install ${shell})`);
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'toa-completion-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, `toa.${shell}`);
  writeFileSync(path, printed(shell));
  return path;
}

/** Runs a line in a shell without its configuration, and returns the lines it printed. */
function run(shell: Shell, line: string): string[] {
  const plain = { bash: ['--norc'], zsh: ['-f'], fish: ['--no-config'] }[shell];
  const { stdout, stderr } = spawnSync(shell, [...plain, '-c', line], { encoding: 'utf8', cwd: '/' });
  assert.equal(stderr, '');
  return stdout.split('\n').filter((text) => text !== '');
}

/** What is completed: words up to the cursor, and what is to be among the answers, or all of them. */
const rows: { words: string[]; all?: string[]; some?: string[] }[] = [
  { words: ['toa', 'form'], all: ['formats'] },
  { words: ['toa', ''], some: allCommands().flatMap(({ words }) => (words.length === 1 ? words : [])) },
  { words: ['toa', 'lb', ''], some: ['run'] },
  { words: ['toa', 'lb', 'run', '--ch'], all: ['--check'] },
  { words: ['toa', '--color', 'never', 'module', 'inst'], all: ['install'] },
  { words: ['toa', 'formats', '--color', ''], all: ['always', 'auto', 'never'] },
  { words: ['toa', 'completion', 'f'], all: ['fish'] },
  { words: ['toa', 'lb', 'run', '-c', '/etc/hostna'], all: ['/etc/hostname'] },
  { words: ['toa', 'module', 'status', '--root', '/et'], some: ['/etc'] },
  { words: ['toa', 'doctor', '--port', ''], all: [] },
];

const completers: { [shell in 'bash' | 'fish']: (path: string, words: string[]) => string[] } = {
  bash: (path, words) =>
    run(
      'bash',
      `source ${path}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _toa; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ),
  fish: (path, words) =>
    run('fish', `source ${path}; complete -C '${words.join(' ')}'`).map((line) =>
      line.split('\t', 1)[0]!.replace(/\/$/, ''),
    ),
};

for (const shell of ['bash', 'fish'] as const) {
  test(`${shell} completes commands, options, choices, files and folders`, (t) => {
    const path = install(t, shell);
    if (path === undefined) return;
    for (const { words, all, some } of rows) {
      const answers = completers[shell](path, words);
      if (all) assert.deepEqual(answers.sort(), all, words.join(' '));
      for (const one of some ?? []) assert.ok(answers.includes(one), `${words.join(' ')}: ${one}`);
    }
  });
}

test('bash takes --color=n for what it is, three words', (t) => {
  const path = install(t, 'bash');
  if (path === undefined) return;
  assert.deepEqual(completers.bash(path, ['toa', 'formats', '--color', '=', 'n']), ['never']);
  assert.deepEqual(completers.bash(path, ['toa', '--color', '=']), ['auto', 'always', 'never']);
  assert.deepEqual(run('bash', `source ${path}; complete -p toa`), ['complete -F _toa toa']);
});

const beginnings = { bash: '', zsh: 'autoload -Uz compinit; compinit -u -D; ' };

for (const shell of ['bash', 'zsh'] as const) {
  test(`whoever presses Tab in ${shell} gets the rest of the word`, async (t) => {
    const path = install(t, shell);
    if (path === undefined) return;
    const command = { bash: 'bash --norc --noprofile -i', zsh: 'zsh -f -i' }[shell];
    // A terminal for it to be interactive on.
    const session = new RunningProcess('script', ['-qec', command, '/dev/null'], {
      ...process.env,
      TERM: 'dumb',
    });
    t.after(() => session.stop('SIGKILL'));
    session.stdin.write(`${beginnings[shell]}source ${path}; toa() { echo "RAN $*."; }; echo RE''ADY\n`);
    await session.line(/^READY/);
    for (const [keys, line] of [
      ['toa form\t--js\t\n', 'formats --json'],
      ['toa --color=ne\tdemo\n', '--color=never demo'],
      ['toa lb run -c /etc/hostna\t\n', 'lb run -c /etc/hostname'],
      ['toa mod\tinst\t--tru\t10.0.0.0/8\n', 'module install --trusted 10.0.0.0/8'],
      ['toa compl\tz\t\n', 'completion zsh'],
    ] as const) {
      session.stdin.write(keys);
      await session.line(new RegExp(`^RAN ${line} ?\\.`));
    }
    session.stdin.write('exit\n');
    await session.finished();
  });
}

test('the scripts have every command and every option', () => {
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    const script = printed(shell);
    for (const { words, command } of allCommands()) {
      assert.ok(script.includes(['toa', ...words].join(' ')), `${shell}: ${words.join(' ')}`);
      for (const { long } of command.options) {
        const written = shell === 'fish' ? ` -l ${long!.slice(2)} ` : long!;
        assert.ok(script.includes(written), `${shell}: ${long}`);
      }
    }
  }
});

test('a shell that toa does not know is refused with those that it does, exit 2', () => {
  for (const args of [['completion'], ['completion', 'csh']]) {
    const { status, stdout, stderr } = toa(args);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^toa: .*\n\(toa completion --help shows what it takes\)\n$/);
  }
  assert.match(toa(['completion', 'csh']).stderr, /bash, zsh, fish/);
});
