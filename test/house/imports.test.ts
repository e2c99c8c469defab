import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const checker = 'scripts/check-imports.mjs';

/** Runs the checker over a made-up tree, and returns what it says: a line per fault. */
function faultsOf(sources: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'toakit-imports-'));
  try {
    const manifest = JSON.stringify({ dependencies: { commander: '14' }, devDependencies: { express: '5' } });
    for (const [path, source] of Object.entries({ 'package.json': manifest, ...sources })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), source);
    }
    const { status, stderr } = spawnSync(process.execPath, [checker, root], { encoding: 'utf8' });
    const faults = stderr.split('\n').filter((line) => line !== '');
    assert.equal(status, faults.length === 0 ? 0 : 1, stderr);
    return faults;
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** Every module that the rows below import. */
const house = Object.fromEntries(
  [
    'cli/main',
    'lib/index',
    'lib/errors',
    'lib/native',
    'lib/balancer/balancer',
    'lib/capture/pcap',
    'lib/daemon/forwarder',
    'lib/link/link',
    'lib/net/address',
    'lib/net/tcp',
    'lib/receiver/attach',
    'lib/toa/decode',
    'test/support/network',
  ].map((path) => [`${path}.ts`, 'export {};\n']),
);

test('the arrows of this repository point down', () => {
  const { stderr, status } = spawnSync(process.execPath, [checker], { encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.equal(status, 0);
});

const allowed: [path: string, specifier: string][] = [
  ['cli/demo.ts', '../lib/daemon/forwarder.js'],
  ['cli/demo.ts', '../lib/index.js'],
  ['cli/demo.ts', '../lib/net/address.js'],
  ['cli/demo.ts', './main.js'],
  ['cli/demo.ts', 'commander'],
  ['lib/daemon/run.ts', '../balancer/balancer.js'],
  ['lib/daemon/run.ts', '../link/link.js'],
  ['lib/daemon/run.ts', 'node:fs'],
  ['lib/register.ts', './receiver/attach.js'],
  ['lib/register.ts', './index.js'],
  ['lib/balancer/service/scheduler.ts', '../balancer.js'],
  ['lib/balancer/service/scheduler.ts', '../../toa/decode.js'],
  ['lib/link/packet-socket.ts', '../native.js'],
  ['lib/receiver/trust.ts', '../toa/decode.js'],
  ['lib/receiver/trust.ts', 'node:net'],
  ['lib/toa/encode.ts', '../net/address.js'],
  ['lib/toa/encode.ts', '../errors.js'],
  ['lib/net/ipv4.ts', './address.js'],
];

test('imports of the own folder and of lower floors are allowed', () => {
  for (const [path, specifier] of allowed) {
    assert.deepEqual(faultsOf({ ...house, [path]: `import '${specifier}';\n` }), [], `${path} ${specifier}`);
  }
});

const forbidden: [path: string, specifier: string, why: string][] = [
  ['lib/daemon/run.ts', '../../cli/main.js', 'cli is above lib/daemon'],
  ['lib/receiver/trust.ts', '../index.js', 'lib/index.ts is above lib/receiver'],
  ['lib/native.ts', './link/link.js', 'lib/link is above lib/native.ts'],
  ['lib/daemon/run.ts', '../index.js', 'lib/index.ts and lib/daemon do not know each other'],
  ['lib/balancer/frame.ts', '../link/link.js', 'lib/link and lib/balancer do not know each other'],
  ['lib/balancer/frame.ts', '../receiver/attach.js', 'lib/receiver and lib/balancer do not know each other'],
  ['lib/balancer/frame.ts', '../daemon/forwarder.js', 'lib/daemon is above lib/balancer'],
  ['lib/balancer/frame.ts', 'node:fs', 'lib/balancer imports nothing of Node'],
  ['lib/balancer/frame.ts', 'fs/promises', 'lib/balancer imports nothing of Node'],
  ['lib/balancer/frame.ts', 'commander', 'lib/balancer imports no packages'],
  [
    'lib/capture/observer.ts',
    '../balancer/balancer.js',
    'lib/balancer and lib/capture do not know each other',
  ],
  ['lib/link/memory.ts', '../receiver/attach.js', 'lib/receiver and lib/link do not know each other'],
  ['lib/net/ipv4.ts', '../errors.js', 'lib/net imports only itself'],
  ['lib/net/ipv4.ts', 'node:net', 'lib/net imports nothing of Node'],
  ['lib/toa/encode.ts', '../net/tcp.js', 'lib/toa imports only itself, lib/net/address.ts, lib/errors.ts'],
  ['lib/errors.ts', './net/address.js', 'lib/net is above lib/errors.ts'],
  ['lib/link/memory.ts', '../../test/support/network.js', 'shipped code imports only lib/ and cli/'],
  ['lib/link/memory.ts', './gone.js', 'there is no such module'],
  ['lib/receiver/attach.ts', 'express', 'express is not among the dependencies of package.json'],
  ['lib/attic/old.ts', 'node:fs', 'lib/attic has no floor in scripts/check-imports.mjs'],
  ['lib/link/memory.ts', '../attic/old.js', 'lib/attic has no floor in scripts/check-imports.mjs'],
];

test('an import that points up, sideways or outside is named with its line', () => {
  for (const [path, specifier, why] of forbidden) {
    const attic = specifier.includes('attic') ? { 'lib/attic/old.ts': 'export {};\n' } : {};
    const faults = faultsOf({ ...house, ...attic, [path]: `// Why.\nimport '${specifier}';\n` });
    assert.ok(faults.length > 0, `${path} ${specifier} passed`);
    const expected = path.startsWith('lib/attic')
      ? `${path}: ${why}`
      : `${path}:2: imports ${specifier}, but ${why}`;
    assert.ok(faults.includes(expected), `wanted: ${expected}\ngot: ${faults.join('\n')}`);
  }
});

test('every way to write an import is seen, and what only looks like one is not', () => {
  const written = [
    `import fs from 'node:fs';`,
    `import type { Stats } from "node:fs";`,
    `import {\n  readFileSync,\n  type Stats,\n} from 'node:fs';`,
    `import * as fs from 'node:fs';`,
    `export { readFileSync } from 'node:fs';`,
    `export * from 'node:fs';`,
    `const fs = await import('node:fs');`,
    `type Stats = import('node:fs').Stats;`,
    `const quote = '"'; import 'node:fs';`,
  ];
  for (const source of written) {
    assert.equal(faultsOf({ 'lib/net/x.ts': source }).length, 1, source);
  }
  const lookalikes = [
    `// import fs from 'node:fs';`,
    `/** @example\n * import fs from 'node:fs';\n */`,
    `const text = "import fs from 'node:fs'";`,
    `const text = \`import fs from 'node:fs'\`;`,
    `export const from = 'node:fs';`,
  ];
  for (const source of lookalikes) {
    assert.deepEqual(faultsOf({ 'lib/net/x.ts': source }), [], source);
  }
});

test('a circle is shown from module to module', () => {
  const faults = faultsOf({
    'lib/net/a.ts': `import './b.js';\n`,
    'lib/net/b.ts': `import './c.js';\n`,
    'lib/net/c.ts': `import './a.js';\n`,
  });
  assert.deepEqual(faults, [
    'lib/net/a.ts: imports itself in a circle: lib/net/a.ts → lib/net/b.ts → lib/net/c.ts → lib/net/a.ts',
  ]);
});
