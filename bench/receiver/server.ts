/**
 * `node server.js attached|plain`: a small HTTP server on a free port of 127.0.0.1, with the receiver or without. It
 * says `listening PORT`. The handler is the same and asks for no address, so all that differs is what attach() costs.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { attach } from '../../lib/index.js';

const server = createServer((_request, response) => response.end('hello'));
if (process.argv[2] === 'attached') attach(server, { trust: 'private', required: true });
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening ${(server.address() as AddressInfo).port}\n`);
});
