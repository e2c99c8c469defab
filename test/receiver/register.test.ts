import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { enterPrivateNetwork, SERVER } from '../support/private-network.js';
import { runNode } from '../support/program.js';
import { requireNamespaces } from '../support/require.js';
import { balancers, openInjector, toa } from './support.js';

await enterPrivateNetwork();

const register = new URL('../../lib/register.js', import.meta.url).href;
const plainServer = fileURLToPath(new URL('programs/plain-server.js', import.meta.url));
const plainCluster = fileURLToPath(new URL('programs/plain-cluster.js', import.meta.url));

test('node --import toakit/register attaches to the servers of a program that knows nothing of it', async (t) => {
  if (!requireNamespaces(t)) return;
  const program = runNode(t, ['--import', register, plainServer], { env: { TOA_TRUST: balancers } });
  const to = `${SERVER.ipv4}:${await program.line()}`;
  const injector = openInjector(t);
  injector.connect(to, { syn: toa('203.0.113.7:51514') });
  assert.equal(await program.line(), '203.0.113.7:51514');
  injector.connect(to, { syn: toa('203.0.113.7:51514'), from: '198.51.100.1:4000' });
  assert.equal(await program.line(), '198.51.100.1:4000', 'a peer that TOA_TRUST does not name');
});

test('it does so in a cluster too', async (t) => {
  if (!requireNamespaces(t)) return;
  const program = runNode(t, ['--import', register, plainCluster], { env: { TOA_TRUST: 'private' } });
  const to = `${SERVER.ipv4}:${await program.line()}`;
  openInjector(t).connect(to, { syn: toa('203.0.113.7:51514') });
  assert.equal(await program.line(), '203.0.113.7:51514');
});

test('TOA_FORMATS names the formats to accept, and TOA_TRUST=true believes every peer', async (t) => {
  if (!requireNamespaces(t)) return;
  const env = { TOA_TRUST: 'true', TOA_FORMATS: 'toa-v4-200, toa-v6-201' };
  const program = runNode(t, ['--import', register, plainServer], { env });
  const to = `${SERVER.ipv4}:${await program.line()}`;
  openInjector(t).connect(to, { syn: toa('203.0.113.7:51514', 200), from: '198.51.100.1:4000' });
  assert.equal(await program.line(), '203.0.113.7:51514');
});

test('TOA_DISABLE=1 switches it off', async (t) => {
  if (!requireNamespaces(t)) return;
  const env = { TOA_TRUST: balancers, TOA_DISABLE: '1' };
  const program = runNode(t, ['--import', register, plainServer], { env });
  const to = `${SERVER.ipv4}:${await program.line()}`;
  openInjector(t).connect(to, { syn: toa('203.0.113.7:51514'), from: '10.9.1.1:4000' });
  assert.equal(await program.line(), '10.9.1.1:4000');
});

const refused: [what: string, env: NodeJS.ProcessEnv, code: RegExp][] = [
  ['without TOA_TRUST', {}, /ERR_TOA_TRUST_REQUIRED/],
  ['with an empty TOA_TRUST', { TOA_TRUST: '' }, /ERR_TOA_TRUST_REQUIRED/],
  ['with a TOA_TRUST that is no list of addresses', { TOA_TRUST: '10.0.0.0/40' }, /ERR_TOA_TRUST/],
  ['with unknown TOA_FORMATS', { TOA_TRUST: 'private', TOA_FORMATS: 'toa-v5' }, /ERR_TOA_FORMAT/],
];

for (const [what, env, code] of refused) {
  test(`${what} the program does not start`, async (t) => {
    const clean = { ...process.env, TOA_TRUST: undefined, ...env };
    const { code: status, stderr } = await runNode(t, ['--import', register, plainServer], {
      env: clean,
    }).ended();
    assert.notEqual(status, 0);
    assert.match(stderr, code);
  });
}
