import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readOneJson } from './json.js';
import { toa } from './toa.js';

const service = {
  address: '192.0.2.80',
  port: 80,
  mode: 'fullnat',
  scheduler: 'rr',
  localAddresses: ['10.0.0.1'],
  realServers: [{ address: '10.0.0.2', port: 8080 }],
};
const sound = { links: [{ name: 'eth0' }], routes: [{ to: '0.0.0.0/0', link: 'eth0' }], services: [service] };

function write(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'toa-config-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'lb.json');
  writeFileSync(path, text);
  return path;
}

const check = (path: string, ...more: string[]) => toa(['lb', 'run', '-c', path, '--check', ...more]);

test('a sound file is called so, exit 0', (t) => {
  const path = write(t, `\uFEFF${JSON.stringify(sound)}`);
  const { status, stdout, stderr } = check(path);
  assert.deepEqual([status, stderr], [0, '']);
  assert.equal(stdout, `${path}: sound, 1 service on 1 link\n`);
  const { schema, ...report } = readOneJson('lb-run', check(path, '--json').stdout);
  assert.deepEqual(report, { event: 'check', ok: true, faults: [] });
});

test('a file may come by standard input', () => {
  const { status, stdout } = toa(['lb', 'run', '-c', '-', '--check'], { input: JSON.stringify(sound) });
  assert.deepEqual([status, stdout], [0, '-: sound, 1 service on 1 link\n']);
});

test('a file with faults is refused with every one of them, exit 2', (t) => {
  const bad = {
    links: [{ name: 'eth0' }, { name: 'eth0' }],
    routes: [{ to: '10.0.0.0/33', link: 'eth1' }],
    services: [{ ...service, port: 70000, realServers: [{ address: '2001:db8::1', port: 80, weight: -1 }] }],
    setings: {},
  };
  const path = write(t, JSON.stringify(bad));
  const { status, stdout, stderr } = check(path);
  assert.deepEqual([status, stdout], [2, '']);
  const { faults } = readOneJson<{
    faults: { path: string; given: string; wanted: string }[];
  }>('lb-run', check(path, '--json').stdout);
  const paths = faults.map((fault) => fault.path);
  for (const where of [
    'links[1].name',
    'routes[0].to',
    'routes[0].link',
    'services[0].port',
    'services[0].realServers[0].address',
    'services[0].realServers[0].weight',
    'setings',
  ]) {
    assert.ok(paths.includes(where), `${where} is not among ${paths.join(', ')}`);
  }
  assert.match(stderr, new RegExp(`^toa: ${path} has ${faults.length} faults:\n`));
  for (const { path: where, given, wanted } of faults) {
    assert.ok(
      stderr.includes(`\n  ${where}: given ${given}, wanted ${wanted}`),
      `${where} is not in\n${stderr}`,
    );
  }
});

test('a file that is not JSON is refused with line and column, exit 2', (t) => {
  const path = write(t, '{\n  "links": [],\n  "services": [],\n}\n');
  const { status, stdout, stderr } = check(path);
  assert.deepEqual([status, stdout], [2, '']);
  assert.equal(
    stderr,
    `toa: ${path} is not JSON:\n  line 4, column 1: given "}", wanted a name in double quotes\n(toa lb run --help shows what it takes)\n`,
  );
});

test('a file that is not there is refused with its name, exit 2', () => {
  const { status, stderr } = check('/nowhere/lb.json');
  assert.equal(status, 2);
  assert.match(stderr, /^toa: \/nowhere\/lb\.json cannot be read: ENOENT/);
});

test('without --check, a file with faults ends the run before it begins', (t) => {
  const { status, stderr } = toa(['lb', 'run', '-c', write(t, '{}')]);
  assert.equal(status, 2);
  assert.match(stderr, /faults:\n {2}links: /);
});
