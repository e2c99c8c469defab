import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { requireNamespaces } from '../support/require.js';

const program = fileURLToPath(new URL('../../bench/main.js', import.meta.url));

function bench(...args: string[]) {
  return spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
}

test('a shortest run measures every peer and prints the figures as JSON, progress on stderr', (t) => {
  if (!requireNamespaces(t)) return;
  const missing = ['haproxy', 'wrk', 'iperf3', 'nft', 'curl'].filter((tool) => spawnSync(tool).error);
  if (missing.length > 0) return t.skip(`not installed: ${missing.join(', ')}; scripts/setup bench does it`);

  const { status, stdout, stderr } = bench('balancer', '--rounds', '1', '--seconds', '1', '--json');
  assert.equal(status, 0, stderr);
  const { balancer, targets } = JSON.parse(stdout);
  assert.deepEqual(Object.keys(balancer), ['toakit', 'nftables', 'haproxy', 'routing', 'ceiling']);
  for (const [peer, figures] of Object.entries<Record<string, number | null>>(balancer)) {
    for (const figure of ['connectionsPerSecond', 'gbitPerSecond', 'packetsPerSecond', 'p50', 'p99']) {
      const value = figures[figure];
      const possible = peer !== 'haproxy' || figure !== 'packetsPerSecond';
      assert.ok(possible ? (value ?? 0) > 0 : value === null, `${peer} ${figure}: ${value}`);
    }
  }
  assert.equal(targets.length, 8);
  assert.match(stderr, /round 1\/1 nftables/);
});

test('unknown suites and senseless numbers are refused before anything is measured', () => {
  for (const [args, complaint] of [
    [['kernel'], /there is no suite "kernel"/],
    [['core', '--rounds', '0'], /--rounds: given "0"/],
    [['core', '--write'], /--write takes all suites/],
  ] as const) {
    const { status, stderr, stdout } = bench(...args);
    assert.equal(status, 2);
    assert.match(stderr, complaint);
    assert.equal(stdout, '');
  }
});
