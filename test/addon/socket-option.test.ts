import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { constants } from 'node:os';
import { test } from 'node:test';
import { native } from '../../lib/native.js';
import { fdOf } from '../support/fd-of.js';

const addon = native()!;
const { errno } = constants;

const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const TCP_ESTABLISHED = 1;

for (const [host, family, addressAt, addressBytes] of [
  ['127.0.0.1', 2, 4, [127, 0, 0, 1]],
  ['::1', 10, 8, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
] as const) {
  test(`over ${host} getPeerName tells the address and port that Node tells, and TCP_INFO can be read`, async (t) => {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const client = connect((server.address() as { port: number }).port, host);
    const [socket] = (await once(server, 'connection')) as [Socket];
    t.after(() => {
      client.destroy();
      socket.destroy();
      server.close();
    });

    const name = new Uint8Array(128);
    const length = addon.getPeerName(fdOf(socket), name);
    assert.equal(length, family === 2 ? 16 : 28);
    const view = new DataView(name.buffer);
    assert.equal(view.getUint16(0, true), family);
    assert.equal(view.getUint16(2), socket.remotePort);
    assert.equal(socket.remoteAddress, host);
    assert.deepEqual([...name.subarray(addressAt, addressAt + addressBytes.length)], [...addressBytes]);

    const info = new Uint8Array(512);
    assert.ok(addon.getSocketOption(fdOf(socket), IPPROTO_TCP, TCP_INFO, info) >= 104);
    assert.equal(info[0], TCP_ESTABLISHED);

    const listening = (fd: number) => {
      const value = new Int32Array(1);
      assert.equal(addon.getSocketOption(fd, SOL_SOCKET, SO_ACCEPTCONN, new Uint8Array(value.buffer)), 4);
      return value[0];
    };
    assert.equal(listening(fdOf(server)), 1);
    assert.equal(listening(fdOf(socket)), 0);
    assert.equal(addon.getPeerName(fdOf(server), name), -errno.ENOTCONN);
    assert.equal(addon.getSocketOption(fdOf(socket), IPPROTO_TCP, 4711, info), -errno.ENOPROTOOPT);
  });
}

test('a closed descriptor gives EBADF', () => {
  assert.equal(addon.getSocketOption(1_000_000, SOL_SOCKET, SO_ACCEPTCONN, new Uint8Array(4)), -errno.EBADF);
  assert.equal(addon.closeFd(1_000_000), -errno.EBADF);
});
