import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { validateConfig } from '../../lib/balancer/config/index.js';

const readme = readFileSync('README.md', 'utf8');

/** The code blocks of a language, in order. */
function blocks(language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms');
  return [...readme.matchAll(fence)].map((match) => match[1]!);
}

test('the commands to begin with are scripts of the package, and what CI runs', () => {
  const [commands] = blocks('sh');
  assert.equal(commands, 'npm run demo\nnpm test\n');
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const ci = readFileSync('.ci/run', 'utf8');
  for (const name of ['demo', 'test']) {
    assert.match(scripts[name]!, new RegExp(`^scripts/setup ${name} && `));
    assert.match(ci, new RegExp(`npm (run )?${name}\\b`));
  }
});

test('the backend of the README runs, and greets a client by its address', async (t) => {
  const example = blocks('js')[0]!;
  assert.ok(example.includes('listen(8080)'));
  // Beside this file the package's own name leads to this checkout.
  const path = fileURLToPath(new URL('readme-backend.mjs', import.meta.url));
  const anyPort = "listen(0, '127.0.0.1', () => console.log(server.address().port))";
  writeFileSync(path, example.replace('listen(8080)', anyPort));
  t.after(() => rmSync(path));

  const backend = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => backend.kill());
  const [port] = await once(backend.stdout, 'data');
  const response = await fetch(`http://127.0.0.1:${Number(port)}`);
  assert.match(await response.text(), /^Hello 127\.0\.0\.1, port \d+$/m);
});

test('the configuration of the README is sound', () => {
  const example = blocks('json')[0]!;
  const result = validateConfig(JSON.parse(example));
  assert.deepEqual('faults' in result ? result.faults : [], []);
});

test('what the README and its documents link to exists', () => {
  for (const path of ['README.md', ...readdirSync('docs').map((name) => `docs/${name}`)]) {
    const base = new URL(`../../../${path}`, import.meta.url);
    for (const [, target] of readFileSync(path, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
      assert.ok(existsSync(new URL(target!, base)), `${path} links to ${target}`);
    }
  }
});
