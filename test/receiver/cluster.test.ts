import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { enterPrivateNetwork, SERVER } from '../support/private-network.js';
import { runNode } from '../support/program.js';
import { requireNamespaces } from '../support/require.js';
import { openInjector, toa } from './support.js';

await enterPrivateNetwork();

const program = fileURLToPath(new URL('programs/cluster.js', import.meta.url));

for (const [policy, what] of [
  ['rr', 'round robin: the primary listens'],
  ['none', 'a shared socket: the workers listen'],
] as const) {
  test(`cluster workers with ${what}`, async (t) => {
    if (!requireNamespaces(t)) return;
    const running = runNode(t, [program, policy]);
    const port = await running.line();
    const injector = openInjector(t);
    const workers = new Set<string>();
    for (let i = 1; i <= 8; i++) {
      injector.connect(`${SERVER.ipv4}:${port}`, { syn: toa(`203.0.113.${i}:51514`) });
      const [worker, address] = (await running.line()).split(' ');
      assert.equal(address, `203.0.113.${i}`);
      workers.add(worker!);
    }
    if (policy === 'rr') assert.equal(workers.size, 2);
  });
}

test('the first connection of all, which came before any worker has said that it listens, has its client', async (t) => {
  if (!requireNamespaces(t)) return;
  const running = runNode(t, [program, 'early']);
  const port = await running.line();
  openInjector(t).connect(`${SERVER.ipv4}:${port}`, { syn: toa('203.0.113.7:51514') });
  const [, address] = (await running.line()).split(' ');
  assert.equal(address, '203.0.113.7');
});
