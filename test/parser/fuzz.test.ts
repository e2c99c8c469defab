import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildProgram, run } from './c-parser.js';

// A minute where nobody waits for it.
const seconds = process.env.CI ? 60 : 5;

test(`the module’s parser stands ${seconds} seconds of fuzzing with ASan and UBSan`, (t) => {
  const { program, folder } = buildProgram('fuzz');
  t.after(() => rmSync(folder, { recursive: true }));
  // What is new goes to a copy: `make corpus` in kernel-module/test adds to the one that is kept.
  const corpus = join(folder, 'corpus');
  cpSync('kernel-module/test/corpus', corpus, { recursive: true });
  run(program, [`-max_total_time=${seconds}`, '-max_len=64', `-artifact_prefix=${folder}/`, corpus]);
});
