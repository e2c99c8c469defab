import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { httpGet } from '../support/http-client.js';
import type { InjectedConnection } from '../support/injected-connection.js';
import { enterPrivateNetwork, SERVER } from '../support/private-network.js';
import { runNode } from '../support/program.js';
import { requireNamespaces } from '../support/require.js';
import { balancers, openInjector, toa } from './support.js';

await enterPrivateNetwork();

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Runs an example as it says, and connects to it as a client behind a balancer. */
async function connectTo(t: TestContext, example: string, options: string[]): Promise<InjectedConnection> {
  const env = { PORT: '0', HOST: '0.0.0.0', BALANCERS: balancers, TOA_TRUST: balancers };
  const program = runNode(t, [...options, `examples/${example}`], { cwd: root, env });
  const port = /^listening on (\d+)$/.exec(await program.line())?.[1];
  return openInjector(t).connect(`${SERVER.ipv4}:${port}`, { syn: toa('203.0.113.7:51514') });
}

const examples: [file: string, answer: string, options?: string[]][] = [
  ['http.mjs', '::ffff:203.0.113.7 port 51514, as the balancer says\n'],
  ['express.mjs', '::ffff:203.0.113.7\n'],
  ['koa.mjs', '::ffff:203.0.113.7\n'],
  ['fastify.mjs', '203.0.113.7\n'],
  ['register.mjs', '::ffff:203.0.113.7\n', ['--import', 'toakit/register']],
];

for (const [file, answer, options = []] of examples) {
  test(`examples/${file} answers with the client's address`, async (t) => {
    if (!requireNamespaces(t)) return;
    assert.equal(await httpGet(await connectTo(t, file, options)), answer);
  });
}

test("examples/websocket.mjs sends the client's address", async (t) => {
  if (!requireNamespaces(t)) return;
  const connection = await connectTo(t, 'websocket.mjs', []);
  connection.write(
    'GET / HTTP/1.1\r\nHost: server.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  let received = '';
  for await (const chunk of connection) {
    received += chunk;
    if (received.endsWith('203.0.113.7')) break;
  }
  assert.match(received, /^HTTP\/1\.1 101 /);
});

test('each example is tested', () => {
  const tested = [...examples.map(([file]) => file), 'websocket.mjs'];
  assert.deepEqual(readdirSync(`${root}/examples`).sort(), tested.sort());
});
