import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readOneJson } from '../cli/json.js';
import { main } from '../cli/toa.js';
import { requireNamespaces, skipOrFail } from '../support/require.js';

const script = fileURLToPath(new URL('../../bench/main.js', import.meta.url));

/** As `toa bench`, which is `npm run bench` with another name. */
function bench(...args: string[]) {
  return spawnSync(process.execPath, [main, 'bench', ...args], { encoding: 'utf8' });
}

test('a shortest run measures every peer and prints the figures as JSON, progress on stderr', (t) => {
  if (!requireNamespaces(t)) return;
  const missing = ['haproxy', 'wrk', 'iperf3', 'nft', 'curl', 'cc'].filter((tool) => spawnSync(tool).error);
  if (missing.length > 0) {
    skipOrFail(t, 'bench', `not installed: ${missing.join(', ')}; scripts/setup bench does it`);
    return;
  }

  const { status, stdout, stderr } = bench('balancer', '--rounds', '1', '--seconds', '1', '--json');
  assert.equal(status, 0, stderr);
  const { balancer, targets } = readOneJson<{
    balancer: Record<string, Record<string, number | null>>;
    targets: unknown[];
  }>('bench', stdout);
  assert.deepEqual(Object.keys(balancer), [
    'toakit',
    'nftables',
    'haproxy',
    'routing',
    'ceiling',
    'forwarder',
  ]);
  for (const [peer, figures] of Object.entries(balancer)) {
    for (const figure of ['connectionsPerSecond', 'gbitPerSecond', 'packetsPerSecond', 'p50', 'p99']) {
      const value = figures[figure];
      const possible = peer !== 'haproxy' || figure !== 'packetsPerSecond';
      assert.ok(possible ? (value ?? 0) > 0 : value === null, `${peer} ${figure}: ${value}`);
    }
  }
  assert.equal(targets.length, 8);
  assert.match(stderr, /round 1\/1 nftables/);
});

test('the part of toa watch alone needs nothing but namespaces', (t) => {
  if (!requireNamespaces(t)) return;
  const { status, stdout, stderr } = bench('watch', '--rounds', '1', '--seconds', '1', '--json');
  assert.equal(status, 0, stderr);
  const { watch } = readOneJson<{ watch: Record<string, number> }>('bench', stdout);
  assert.ok(watch.offered! > 0 && watch.cpu! > 0 && watch.lost! >= 0 && watch.lost! < 1, stdout);
});

test('unknown suites and senseless numbers are refused before anything is measured', () => {
  for (const [args, complaint] of [
    [['kernel'], /there is no suite "kernel"/],
    [['core', '--rounds', '0'], /--rounds: given "0"/],
    [['--seconds', 'two'], /--seconds: given "two"/],
  ] as const) {
    const { status, stderr, stdout } = bench(...args);
    assert.equal(status, 2);
    assert.match(stderr, complaint);
    assert.equal(stdout, '');
  }
});

test('--write takes all suites, so that the file is of one run', () => {
  const args = [script, 'core', '--write'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /--write takes all suites/);
});
