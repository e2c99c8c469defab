// A server under test: `node server.js http|https|http2|cluster PORT [TRUSTED ...]`, on descriptor 3 if PORT is `fd`.
// GET / answers who the client is, GET /stats what toakit counted, POST sends the body back.

import cluster from 'node:cluster';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { Server } from 'node:net';
import { attach, getClientAddress } from '../../../lib/index.js';
import { cert, key } from '../../support/certificate.js';
import { type Answer, endpoint } from '../testbed.js';

const [kind = 'http', port = '', ...trusted] = process.argv.slice(2);

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

function answer(request: Request): Answer {
  const { remoteAddress = '', remotePort = 0 } = request.socket;
  const found = getClientAddress(request);
  return {
    shown: endpoint(remoteAddress, remotePort),
    client: found ? endpoint(found.address, found.port) : null,
    source: found?.source ?? null,
    via: found?.via ?? null,
    peer: found ? endpoint(found.peer.address, found.peer.port) : null,
    pid: process.pid,
  };
}

function serve(): void {
  const handle = (request: Request, response: Response) => {
    if (request.method === 'POST') request.pipe(response as ServerResponse);
    else if (request.url === '/stats') response.end(JSON.stringify(attachment?.stats() ?? {}));
    else response.end(JSON.stringify(answer(request)));
  };
  const servers: Record<string, () => Server> = {
    http: () => createServer(handle),
    cluster: () => createServer(handle),
    https: () => createTlsServer({ key, cert }, handle),
    http2: () => createSecureServer({ key, cert }, handle),
  };
  const server = servers[kind]?.() ?? createServer(handle);
  const attachment = trusted.length === 0 ? undefined : attach(server, { trust: trusted });
  const listening = () => {
    if (cluster.isPrimary) console.log('listening');
  };
  if (port === 'fd') server.listen({ fd: 3 }, listening);
  else server.listen(Number(port), '::', listening);
}

const workers = 2;

if (kind === 'cluster' && cluster.isPrimary) {
  let listening = 0;
  for (let i = 0; i < workers; i++) cluster.fork();
  cluster.on('listening', () => ++listening === workers && console.log('listening'));
} else {
  serve();
}
