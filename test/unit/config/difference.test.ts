import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { differenceOf } from '../../../lib/balancer/config/difference.js';
import { type ResolvedConfig, validateConfig } from '../../../lib/balancer/config/index.js';

const folder = 'test/unit/config/fixtures/changes';

/** A configuration, and what differs in it from the one before. */
interface Step {
  readonly difference: unknown;
  readonly config: unknown;
}

function sound(input: unknown): ResolvedConfig {
  const { config, faults } = validateConfig(input);
  assert.deepEqual(faults ?? [], []);
  return config!;
}

const steps = readdirSync(folder)
  .sort()
  .map((file) => ({ file, ...(JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as Step) }));

for (const [index, { file, config, difference }] of steps.entries()) {
  const before = steps[index - 1] ?? steps[0]!;
  test(`${file}: just what differs is named`, () => {
    assert.deepEqual(
      JSON.parse(JSON.stringify(differenceOf(sound(before.config), sound(config)))),
      difference,
    );
  });

  test(`${file}: the way back has everything the other way round`, () => {
    const there = differenceOf(sound(before.config), sound(config));
    const back = differenceOf(sound(config), sound(before.config));
    assert.deepEqual(back.services?.added, there.services?.removed);
    assert.deepEqual(back.routes?.added, there.routes?.removed);
    assert.equal(back.services?.changed?.length, there.services?.changed?.length);
    assert.deepEqual(
      back.settings?.map(({ name, from, to }) => ({ name, from: to, to: from })),
      there.settings,
    );
  });
}
