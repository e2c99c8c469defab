import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { manualOf } from '../../cli/output/manual.js';
import { allCommands } from './commands.js';
import { schemas } from './json.js';
import { toa } from './toa.js';

const commands = allCommands();
const leaves = commands.filter(({ command }) => command.commands.length === 0);

/** What a shell reads is no JSON. */
const withoutJson = ['completion'];

test('every command has --json, and a schema of its name for what that prints', () => {
  const named = leaves.filter(({ words }) => !withoutJson.includes(words[0]!));
  for (const { words, command } of named) {
    assert.ok(
      command.options.some(({ long }) => long === '--json'),
      `toa ${words.join(' ')} has no --json`,
    );
  }
  assert.deepEqual([...schemas.keys()].sort(), named.map(({ words }) => words.join('-')).sort());
});

test('every schema says its name and version, and docs/json.md lists it', () => {
  const documentation = readFileSync('docs/json.md', 'utf8');
  for (const [name, schema] of schemas) {
    const kinds: { required: string[]; properties: { schema: { const: string } } }[] = schema.anyOf ?? [
      schema,
    ];
    const names = new Set(kinds.map(({ properties }) => properties.schema.const));
    assert.equal(names.size, 1);
    const [full = ''] = names;
    assert.match(full, new RegExp(`^${name}/\\d+$`));
    for (const { required } of kinds) assert.ok(required.includes('schema'), full);
    assert.match(
      documentation,
      new RegExp(`^\\| \\[\`${full}\`\\]\\(\\.\\./schemas/${name}\\.json\\) \\|`, 'm'),
    );
  }
});

test('every command has a description, examples of itself, and words for each option', () => {
  for (const { words, command } of commands) {
    const line = ['toa', ...words].join(' ');
    assert.ok(command.description(), line);
    assert.ok(
      manualOf(command)?.examples.some((example) => example.includes(line)),
      `${line}: no example`,
    );
    for (const option of command.options) assert.ok(option.description, `${line} ${option.flags}`);
  }
});

test('the help of each command fits into 80 columns, and goes to standard output', () => {
  for (const { words } of commands) {
    const { status, stdout, stderr } = toa([...words, '--help']);
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, new RegExp(`^Usage: ${['toa', ...words].join(' ')} `));
    assert.match(stdout, /^Examples:$/m);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, `${line.length} columns: ${line}`);
  }
});

test('an option that no command has exits with 2, says so, and what to do next', () => {
  for (const { words, command } of leaves) {
    const required = command.options.filter(({ mandatory }) => mandatory).flatMap(({ long }) => [long!, '']);
    const { status, stdout, stderr } = toa([...words, ...required, '--no-such-option']);
    assert.deepEqual([status, stdout], [2, '']);
    const line = ['toa', ...words].join(' ');
    assert.equal(stderr, `toa: unknown option '--no-such-option'\n(${line} --help shows what it takes)\n`);
  }
});
