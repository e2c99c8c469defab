import assert from 'node:assert/strict';
import dns from 'node:dns';
import net, { type AddressInfo, BlockList } from 'node:net';
import { type TestContext, test } from 'node:test';
import Fastify from 'fastify';
import toakit from '../../lib/fastify.js';
import { getClientAddress } from '../../lib/index.js';
import { httpGet } from '../support/http-client.js';
import { enterPrivateNetwork, SERVER } from '../support/private-network.js';
import { requireNamespaces } from '../support/require.js';
import { balancers, openInjector, toa } from './support.js';

await enterPrivateNetwork();

test('request.ip is the client, in every plugin of the application, and requests can be asked', async (t) => {
  if (!requireNamespaces(t)) return;
  const app = Fastify();
  await app.register(toakit, { trust: balancers });
  await app.register(async (inner) => {
    inner.get('/', (request) => `${request.ip} ${getClientAddress(request)?.port}`);
  });
  await app.listen({ port: 0, host: SERVER.ipv4 });
  t.after(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  const connection = openInjector(t).connect(`${SERVER.ipv4}:${port}`, { syn: toa('203.0.113.7:51514') });
  assert.equal(await httpGet(connection), '203.0.113.7 51514');
});

test('the further servers that Fastify opens for localhost are attached too', async (t) => {
  if (!requireNamespaces(t)) return;
  haveTwoLocalhosts(t);
  const asked: string[] = [];
  const app = Fastify();
  await app.register(toakit, { trust: ({ address }) => asked.push(address) > 0 });
  app.get('/', () => 'hello');
  await app.listen({ port: 0, host: 'localhost' });
  t.after(() => app.close());
  const addresses = app.addresses() as AddressInfo[];
  assert.deepEqual(addresses.map(({ address }) => address).sort(), ['127.0.0.1', '::1']);
  for (const { address, port } of addresses) {
    const connection = net.connect(port, address);
    await httpGet(connection);
  }
  assert.deepEqual(asked.sort(), ['127.0.0.1', '::1']);
});

/** Machines differ in whether `localhost` is one address or two; here it is two. */
function haveTwoLocalhosts(t: TestContext): void {
  const { lookup } = dns;
  t.mock.method(dns, 'lookup', (...parameters: Parameters<typeof lookup>) => {
    const [name, options, done] = parameters as unknown as [
      string,
      { all?: boolean },
      (...found: unknown[]) => void,
    ];
    if (name !== 'localhost' || !options.all) return lookup(...parameters);
    const both = [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ];
    setImmediate(done, null, both);
  });
}

test('made-up requests of app.inject() tell the address that was made up', async () => {
  const app = Fastify();
  await app.register(toakit, { trust: new BlockList() });
  app.get('/', (request) => getClientAddress(request));
  const response = await app.inject({ url: '/', remoteAddress: '203.0.113.7' });
  assert.equal(response.json().address, '203.0.113.7');
});

test('without trust the application does not start', async () => {
  const app = Fastify();
  const careless = { trust: undefined as unknown as true };
  await assert.rejects(async () => await app.register(toakit, careless), { code: 'ERR_TOA_TRUST_REQUIRED' });
});
