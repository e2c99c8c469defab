import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { constants } from 'node:os';
import { test } from 'node:test';
import { native } from '../../lib/native.js';
import { fdOf } from '../support/fd-of.js';

const addon = native()!;
const { errno } = constants;

/** A listener that keeps SYNs, and one accepted connection. */
async function accept(listen: string, to: string, keep: 0 | 1 | 2): Promise<Accepted> {
  const server = createServer().listen(0, listen);
  await once(server, 'listening');
  assert.equal(addon.setSaveSyn(fdOf(server), keep), 0);
  const { port } = server.address() as { port: number };
  const client = connect(port, to);
  const [socket] = (await once(server, 'connection')) as [Socket];
  return {
    server,
    client,
    socket,
    port,
    [Symbol.dispose]() {
      client.destroy();
      socket.destroy();
      server.close();
    },
  };
}

interface Accepted extends Disposable {
  readonly server: Server;
  readonly client: Socket;
  readonly socket: Socket;
  readonly port: number;
}

function read(socket: Socket, room = 256): Uint8Array | number {
  const into = new Uint8Array(room);
  const length = addon.readSavedSyn(fdOf(socket), into);
  return length < 0 ? length : into.subarray(0, length);
}

/** The ports of the TCP header behind an IP header of this length. */
function ports(headers: Uint8Array, tcpAt: number): [from: number, to: number] {
  const view = new DataView(headers.buffer, headers.byteOffset + tcpAt);
  return [view.getUint16(0), view.getUint16(2)];
}

test('the headers of an IPv4 SYN are read, once', async () => {
  using accepted = await accept('127.0.0.1', '127.0.0.1', 1);
  const headers = read(accepted.socket);
  assert.ok(headers instanceof Uint8Array);
  assert.equal(headers[0], 0x45);
  assert.deepEqual([...headers.subarray(12, 16)], [127, 0, 0, 1]);
  assert.deepEqual(ports(headers, 20), [accepted.client.localPort, accepted.port]);
  assert.equal(headers[20 + 13]! & 0x02, 0x02);
  assert.deepEqual(read(accepted.socket), new Uint8Array());
});

test('the headers of an IPv6 SYN are read', async () => {
  using accepted = await accept('::1', '::1', 1);
  const headers = read(accepted.socket);
  assert.ok(headers instanceof Uint8Array);
  assert.equal(headers[0]! >> 4, 6);
  assert.deepEqual(ports(headers, 40), [accepted.client.localPort, accepted.port]);
});

test('an IPv4 client of a listener for both families has an IPv4 header', async () => {
  using accepted = await accept('::', '127.0.0.1', 1);
  const headers = read(accepted.socket);
  assert.ok(headers instanceof Uint8Array);
  assert.equal(headers[0]! >> 4, 4);
});

test('with 2 the MAC header comes first', async () => {
  using accepted = await accept('127.0.0.1', '127.0.0.1', 2);
  const headers = read(accepted.socket);
  assert.ok(headers instanceof Uint8Array);
  assert.equal(headers[14], 0x45);
});

test('where there is too little room, the SYN is kept for another try', async () => {
  using accepted = await accept('127.0.0.1', '127.0.0.1', 1);
  assert.equal(read(accepted.socket, 20), -errno.EINVAL);
  assert.ok((read(accepted.socket) as Uint8Array).length >= 40);
});

test('nothing is read where nothing was asked for', async () => {
  using accepted = await accept('127.0.0.1', '127.0.0.1', 0);
  assert.deepEqual(read(accepted.socket), new Uint8Array());
});

test('a closed descriptor gives EBADF', () => {
  assert.equal(addon.setSaveSyn(1_000_000, 1), -errno.EBADF);
  assert.equal(addon.readSavedSyn(1_000_000, new Uint8Array(256)), -errno.EBADF);
});
