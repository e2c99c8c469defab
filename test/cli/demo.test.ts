import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RunningProcess } from '../../cli/namespaces/process.js';
import { runCommand } from '../../lib/daemon/command.js';
import { requireNamespaces } from '../support/require.js';
import { readOneJson } from './json.js';
import { main, toa } from './toa.js';

interface Demo {
  mode: string;
  rows: { client: string; plain: string; recovered: string; match: boolean }[];
}

/** What is true of every run: six clients, each known by its own address, and hidden from a plain server. */
function assertComplete({ rows }: Demo): void {
  assert.deepEqual(
    rows.map(({ client }) => client.replace(/:\d+$/, '')),
    ['203.0.113.7', '203.0.113.8', '203.0.113.9', '[2001:db8::7]', '[2001:db8::8]', '[2001:db8::9]'],
  );
  for (const { client, plain, recovered, match } of rows) {
    assert.match(client, /:\d+$/);
    assert.match(plain, client.startsWith('[') ? /^\[fd00::1\]:\d+$/ : /^10\.0\.0\.1:\d+$/);
    assert.equal(recovered, client);
    assert.equal(match, true);
  }
}

/** A folder to be the PATH of a machine that has these commands and no others. */
function pathWith(t: TestContext, ...commands: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'toa-path-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const command of commands) {
    symlinkSync(runCommand('sh', ['-c', `command -v ${command}`]).trim(), join(folder, command));
  }
  return folder;
}

test('toa demo --json shows each client by its own address, over namespaces', (t) => {
  if (!requireNamespaces(t)) return;
  const { status, stdout, stderr } = toa(['demo', '--json']);
  assert.deepEqual([status, stderr], [0, '']);
  const demo = readOneJson<Demo>('demo', stdout);
  assert.equal(demo.mode, 'namespaces');
  assertComplete(demo);
});

test('toa demo works without curl', (t) => {
  if (!requireNamespaces(t)) return;
  const PATH = pathWith(t, 'sh', 'ip', 'nft', 'unshare', 'setpriv', 'mount', 'mkdir');
  const { status, stdout, stderr } = toa(['demo', '--json'], { env: { PATH } });
  assert.equal(status, 0, stderr);
  assertComplete(readOneJson<Demo>('demo', stdout));
});

test('toa demo draws the network and a table that fits into 80 columns', () => {
  for (const args of [['demo'], ['demo', '--memory']]) {
    const { status, stdout } = toa(args);
    assert.equal(status, 0);
    assert.match(stdout, /VIP 203\.0\.113\.80/);
    assert.match(stdout, /^CLIENT +PLAIN SERVER SEES +SERVER WITH TOAKIT SEES +MATCH$/m);
    assert.match(stdout, /^203\.0\.113\.7:(\d+) +10\.0\.0\.1:\d+ +203\.0\.113\.7:\1 +yes$/m);
    assert.match(stdout, /^6 of 6 clients/m);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, `${line.length} columns: ${line}`);
  }
});

test('toa demo --memory shows the same over links in memory', () => {
  const { status, stdout, stderr } = toa(['demo', '--memory', '--json']);
  assert.deepEqual([status, stderr], [0, '']);
  const demo = readOneJson<Demo>('demo', stdout);
  assert.equal(demo.mode, 'memory');
  assertComplete(demo);
});

test('where namespaces cannot be, toa demo says why, what to do, and runs over memory', (t) => {
  const { status, stdout, stderr } = toa(['demo', '--json'], { env: { PATH: pathWith(t, 'sh', 'unshare') } });
  assert.equal(status, 0);
  assert.match(stderr, /the command `ip` is missing/);
  assert.match(stderr, /sudo apt-get install iproute2/);
  assert.match(stderr, /over links in memory instead/);
  const demo = readOneJson<Demo>('demo', stdout);
  assert.equal(demo.mode, 'memory');
  assertComplete(demo);
});

test('where the kernel forbids namespaces, toa demo names the switch and runs over memory', (t) => {
  if (!requireNamespaces(t)) return;
  // In a user namespace that may have no others, by a root that has no power over any.
  const script = 'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set -all -- "$@"';
  const command = ['-Ur', 'sh', '-c', script, 'sh', process.execPath, main, 'demo', '--json'];
  const { status, stdout, stderr } = spawnSync('unshare', command, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /user namespaces are switched off \(user\.max_user_namespaces is 0\)/);
  assert.match(stderr, /sudo sysctl -w user\.max_user_namespaces=/);
  const demo = readOneJson<Demo>('demo', stdout);
  assert.equal(demo.mode, 'memory');
  assertComplete(demo);
});

/** Interrupts the demo as a terminal does, which signals the whole group, when it has printed a line. */
async function interrupt(pattern: RegExp): Promise<{ code: number | null; left: string[] }> {
  const demo = new RunningProcess(process.execPath, [main, 'demo', '--verbose']);
  const line = await demo.line(pattern);
  process.kill(-(demo.child.pid as number), 'SIGINT');
  const { code } = await demo.stop('SIGINT');
  const prefix = /toa-\d+-/.exec(`${line}\n${demo.stderr}`)?.[0] as string;
  const names = runCommand('ip', ['netns', 'list']).split('\n');
  return { code, left: names.filter((name) => name.startsWith(prefix)) };
}

for (const [when, pattern] of [
  ['as it begins', /ip netns add toa-\d+-0-clients/],
  ['as it builds', /ip netns add toa-\d+-0-server/],
  ['as its processes start', /lb run .* &/],
  ['as its clients ask', /clients: curl/],
] as const) {
  test(`toa demo that is interrupted ${when} exits with 130 and leaves no namespaces`, async (t) => {
    if (!requireNamespaces(t)) return;
    assert.deepEqual(await interrupt(pattern), { code: 130, left: [] });
  });
}

test('color comes when it is asked for, and not by itself', () => {
  const green = '\u001b[32myes\u001b[39m';
  assert.ok(!toa(['demo', '--memory']).stdout.includes('\u001b'));
  assert.ok(toa(['demo', '--memory', '--color', 'always']).stdout.includes(green));
  const env = { NO_COLOR: '1' };
  assert.ok(toa(['--color', 'always', 'demo', '--memory'], { env }).stdout.includes(green));
});
