import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import http2, { type Http2ServerRequest, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import https from 'node:https';
import net, { type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import tls, { type TLSSocket } from 'node:tls';
import { attach, getClientAddress } from '../../lib/index.js';
import { cert, key } from '../support/certificate.js';
import { httpGet } from '../support/http-client.js';
import type { InjectedConnection } from '../support/injected-connection.js';
import { enterPrivateNetwork, SERVER } from '../support/private-network.js';
import { requireNamespaces } from '../support/require.js';
import { balancers, listen, openInjector, toa } from './support.js';

await enterPrivateNetwork();

const CLIENT = '203.0.113.7:51514';

/** Attaches, listens, and connects as a client behind a balancer. */
async function connectTo(t: TestContext, server: Server): Promise<InjectedConnection> {
  attach(server, { trust: balancers });
  const port = await listen(t, server);
  return openInjector(t).connect(`${SERVER.ipv4}:${port}`, { syn: toa(CLIENT) });
}

function tlsOn(connection: Duplex, ...protocols: string[]): TLSSocket {
  return tls.connect({ socket: connection, ca: cert, host: 'localhost', ALPNProtocols: protocols });
}

/** What a request, a session or a socket shows and what is told of it: `203.0.113.7:51514` twice when all is well. */
function seen(
  target: IncomingMessage | Http2ServerRequest | ServerHttp2Session | ServerHttp2Stream | Socket,
): string {
  const socket = 'session' in target ? target.session!.socket : 'socket' in target ? target.socket : target;
  const told = getClientAddress(target);
  return `${socket.remoteAddress}:${socket.remotePort} ${told?.address}:${told?.port}`;
}

const EXPECTED = `${CLIENT} ${CLIENT}`;

test('a request of http', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = http.createServer((request, response) => response.end(seen(request)));
  assert.equal(await httpGet(await connectTo(t, server)), EXPECTED);
});

test('every request of a connection that is kept alive', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = http.createServer((request, response) => response.end(seen(request)));
  const connection = await connectTo(t, server);
  t.after(() => server.closeAllConnections());
  for (let i = 0; i < 3; i++) {
    connection.write('GET / HTTP/1.1\r\nHost: server.test\r\n\r\n');
    const [answer] = (await once(connection, 'data')) as [Buffer];
    assert.equal(answer.toString().split('\r\n\r\n')[1], EXPECTED);
  }
});

test('a request whose connection is closed', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = http.createServer();
  const connection = await connectTo(t, server);
  connection.write('GET / HTTP/1.1\r\nHost: server.test\r\n\r\n');
  const [request] = (await once(server, 'request')) as [IncomingMessage];
  connection.destroy();
  request.on('error', () => {});
  await new Promise((resolve) => request.once('close', resolve));
  assert.equal(seen(request), EXPECTED);
});

test('a client that does not speak HTTP, in clientError', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = http.createServer();
  const connection = await connectTo(t, server);
  connection.write('nonsense\r\n\r\n');
  const [, socket] = (await once(server, 'clientError')) as [Error, Socket];
  assert.equal(seen(socket), EXPECTED);
  socket.destroy();
});

test('a socket of tls', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = tls.createServer({ key, cert });
  const client = tlsOn(await connectTo(t, server));
  client.on('error', () => {});
  const [socket] = (await once(server, 'secureConnection')) as [TLSSocket];
  assert.equal(seen(socket), EXPECTED);
  socket.destroy();
  await once(socket, 'close');
  assert.equal(getClientAddress(socket)?.address, '203.0.113.7');
});

test('a client that does not speak TLS, in tlsClientError', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = tls.createServer({ key, cert });
  const connection = await connectTo(t, server);
  connection.on('error', () => {});
  connection.write('nonsense\r\n\r\n');
  const [, socket] = (await once(server, 'tlsClientError')) as [Error, TLSSocket];
  assert.equal(getClientAddress(socket)?.address, '203.0.113.7');
});

test('a request of https', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = https.createServer({ key, cert }, (request, response) => response.end(seen(request)));
  assert.equal(await httpGet(tlsOn(await connectTo(t, server))), EXPECTED);
});

for (const [what, secure] of [
  ['http2', true],
  ['http2 without TLS', false],
] as const) {
  test(`a session, a stream and a request of ${what}`, async (t) => {
    if (!requireNamespaces(t)) return;
    const server = secure ? http2.createSecureServer({ key, cert }) : http2.createServer();
    const sessions: ServerHttp2Session[] = [];
    const streams: string[] = [];
    server.on('session', (session) => sessions.push(session));
    server.on('stream', (stream) => streams.push(seen(stream)));
    const closed: (string | undefined)[] = [];
    server.on('request', (request, response) => {
      response.on('close', () => closed.push(getClientAddress(request)?.address));
      response.end(seen(request));
    });
    const connection = await connectTo(t, server);
    const client = http2.connect('https://localhost', {
      createConnection: () => (secure ? tlsOn(connection, 'h2') : connection),
    });
    assert.equal(await text(client.request({ ':path': '/' })), EXPECTED);
    const session = sessions[0]!;
    assert.equal(seen(session), EXPECTED);
    assert.deepEqual(streams, [EXPECTED]);
    client.close();
    await once(session, 'close');
    assert.deepEqual(closed, ['203.0.113.7'], 'a closed request');
    assert.equal(getClientAddress(session)?.address, '203.0.113.7', 'a closed session');
  });
}

test('http requests on an http2 server that allows them', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = http2.createSecureServer({ key, cert, allowHTTP1: true }, (request, response) =>
    response.end(seen(request)),
  );
  assert.equal(await httpGet(tlsOn(await connectTo(t, server))), EXPECTED);
});

test('an upgraded connection', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = http.createServer();
  const connection = await connectTo(t, server);
  connection.write('GET / HTTP/1.1\r\nHost: server.test\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n');
  const [request, socket] = (await once(server, 'upgrade')) as [IncomingMessage, Socket];
  assert.equal(seen(request), EXPECTED);
  assert.equal(seen(socket), EXPECTED);
  socket.destroy();
});

test('TLS that a program starts on a plain connection', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = net.createServer();
  const client = tlsOn(await connectTo(t, server));
  client.on('error', () => {});
  const [plain] = (await once(server, 'connection')) as [Socket];
  const secure = new tls.TLSSocket(plain, { isServer: true, key, cert });
  await once(secure, 'secure');
  assert.equal(seen(secure), EXPECTED);
  secure.destroy();
});
