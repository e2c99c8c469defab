import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import net, { type AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ClientAddressTarget, getClientAddress } from '../../lib/index.js';

const ask = (target: unknown) => getClientAddress(target as ClientAddressTarget);

test('a socket that no server with toakit accepted tells its peer, in plain form', () => {
  assert.deepEqual(ask({ remoteAddress: '::ffff:192.0.2.1', remotePort: 4711 }), {
    address: '192.0.2.1',
    port: 4711,
    family: 4,
    source: 'peer',
    peer: { address: '192.0.2.1', port: 4711, family: 4 },
  });
  assert.equal(ask({ socket: { remoteAddress: '2001:db8::7', remotePort: 1 } })?.family, 6);
});

test('a link-local peer is told without the interface that Node writes behind it, as a saved SYN tells it', () => {
  const told = ask({ remoteAddress: 'fe80::1%eth0', remotePort: 4711 });
  assert.deepEqual(told?.peer, { address: 'fe80::1', port: 4711, family: 6 });
});

test('what has no connection is unknown, and nothing throws', () => {
  const hostile = new Proxy({}, { get: () => assert.fail('a getter that throws') });
  for (const target of [
    undefined,
    null,
    1,
    'text',
    {},
    { socket: null },
    { session: {} },
    new Socket(),
    hostile,
  ]) {
    assert.equal(ask(target), undefined);
  }
  fc.assert(
    fc.property(fc.anything(), (anything) => void ask(anything)),
    { numRuns: 500 },
  );
});

test('a session that has lost its socket is unknown where no toakit was attached', async (t) => {
  const server = http2.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [session] = await once(server, 'session');
  assert.equal(ask(session)?.address, '127.0.0.1');
  session.destroy();
  client.destroy();
  assert.equal(ask(session), undefined);
});

test('a client side socket tells the server that it is connected to', async (t) => {
  const server = net.createServer((socket) => socket.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const client = net.connect(port, '127.0.0.1');
  assert.equal(ask(client), undefined, 'not connected yet');
  await once(client, 'connect');
  assert.deepEqual([ask(client)?.address, ask(client)?.port], ['127.0.0.1', port]);
  client.destroy();
});
