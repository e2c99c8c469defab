import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runNode } from '../support/program.js';

const program = fileURLToPath(new URL('programs/reports-support.js', import.meta.url));

/** What the program reports of support(), of a connection it serves, and of attach with `required`. */
interface Report {
  readonly support: { supported: boolean; reason?: string; hint?: string };
  readonly told: string | undefined;
  readonly stats: Record<string, number>;
  readonly required: string;
}

const rows: { what: string; args: string[]; env: NodeJS.ProcessEnv; reason: RegExp; required: string }[] = [
  {
    what: 'with --no-addons',
    args: ['--no-addons'],
    env: {},
    reason: /may not load addons/,
    required: 'ERR_TOA_UNSUPPORTED',
  },
  {
    what: 'with TOA_DISABLE=1',
    args: [],
    env: { TOA_DISABLE: '1' },
    reason: /TOA_DISABLE=1/,
    required: 'nothing',
  },
];

for (const { what, args, env, reason, required } of rows) {
  test(`${what} servers work, clients are not recovered, and support() says why`, async (t) => {
    const running = runNode(t, [...args, program], { env });
    const report: Report = JSON.parse(await running.line());
    assert.equal((await running.ended()).code, 0);
    assert.equal(report.support.supported, false);
    assert.match(report.support.reason!, reason);
    assert.ok(report.support.hint);
    assert.equal(report.told, '127.0.0.1');
    assert.ok(Object.values(report.stats).every((count) => count === 0));
    assert.equal(report.required, required);
  });
}

test('where the addon loads, support() names the sources and the connection is counted', async (t) => {
  const report: Report = JSON.parse(await runNode(t, [program]).line());
  assert.deepEqual(report.support, { supported: true, sources: ['module', 'saved-syn'] });
  assert.deepEqual([report.told, report.stats.missing, report.required], ['127.0.0.1', 1, 'nothing']);
});
