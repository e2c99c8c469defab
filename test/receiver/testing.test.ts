import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { attach, type ClientAddress, getClientAddress } from '../../lib/index.js';
import { type ClientLike, injectClientAddress, injectServerClients } from '../../lib/testing.js';

async function connectTo(t: TestContext, server: Server, host = '127.0.0.1'): Promise<Socket> {
  if (!server.listening) {
    server.listen(0, host);
    t.after(() => server.close());
    await once(server, 'listening');
  }
  const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    client.destroy();
    socket.destroy();
  });
  return socket;
}

test('connections of a server come from the client that the test says, with or without toakit attached', async (t) => {
  for (const attached of ['before', 'after', 'never']) {
    const server = net.createServer();
    if (attached === 'before') attach(server, { trust: 'private' });
    using _injection = injectServerClients(server, '203.0.113.7:51514');
    if (attached === 'after') attach(server, { trust: 'private' });
    const socket = await connectTo(t, server);
    const { address, port, family, source, peer } = getClientAddress(socket)!;
    assert.deepEqual([address, port, family, source], ['203.0.113.7', 51514, 4, 'toa'], attached);
    assert.equal(peer.address, '127.0.0.1', attached);
    assert.deepEqual([socket.remoteAddress, socket.remotePort], ['203.0.113.7', 51514], attached);
  }
});

test('a function chooses for each connection, and restore() ends it', async (t) => {
  const server = net.createServer();
  let count = 0;
  const injection = injectServerClients(server, () => ({ address: `2001:db8::${++count}`, port: 1 }));
  assert.equal((await connectTo(t, server)).remoteAddress, '2001:db8::1');
  assert.equal((await connectTo(t, server)).remoteAddress, '2001:db8::2');
  injection.restore();
  assert.equal((await connectTo(t, server)).remoteAddress, '127.0.0.1');
});

test('an IPv4 client on a dual-stack listener is shown mapped', async (t) => {
  const server = net.createServer();
  injectServerClients(server, '203.0.113.7:51514');
  const socket = await connectTo(t, server, '::');
  assert.equal(socket.remoteAddress, '::ffff:203.0.113.7');
  assert.equal(getClientAddress(socket)?.address, '203.0.113.7');
});

test('a request of a server can be given a client', async (t) => {
  const server = http.createServer((request, response) => {
    injectClientAddress(request, '203.0.113.7:51514');
    response.end(`${request.socket.remoteAddress} ${getClientAddress(request)?.address}`);
  });
  server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const response = await fetch(url, { headers: { connection: 'close' } });
  assert.equal(await response.text(), '203.0.113.7 203.0.113.7');
});

test('so can a request that is made up', () => {
  const request = { socket: {} as Socket };
  injectClientAddress(request, '[2001:db8::7]:51514');
  const expected: Partial<ClientAddress> = { address: '2001:db8::7', port: 51514, family: 6, source: 'toa' };
  const { peer: _peer, ...told } = getClientAddress(request)!;
  assert.deepEqual(told, expected);
});

const refused: ClientLike[] = [
  '203.0.113.7',
  'server.test:80',
  '203.0.113.256:80',
  '203.0.113.7:65536',
  { address: '203.0.113.7', port: -1 },
];

for (const client of refused) {
  test(`a client is refused: ${JSON.stringify(client)}`, () => {
    assert.throws(() => injectServerClients(net.createServer(), client), { code: 'ERR_TOA_ADDRESS' });
    assert.throws(() => injectClientAddress({ socket: {} as Socket }, client), { code: 'ERR_TOA_ADDRESS' });
  });
}
