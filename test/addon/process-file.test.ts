import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { constants } from 'node:os';
import { test } from 'node:test';
import { native } from '../../lib/native.js';
import { fdOf } from '../support/fd-of.js';

const addon = native()!;
const { errno } = constants;

test('a copy of a descriptor is the same socket, and outlives the original', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    client.destroy();
    server.close();
  });
  const copy = addon.duplicateFd(process.pid, fdOf(socket));
  assert.ok(copy >= 0 && copy !== fdOf(socket), `${copy}`);
  const names = [new Uint8Array(16), new Uint8Array(16)] as const;
  assert.equal(addon.getPeerName(fdOf(socket), names[0]), 16);
  socket.destroy();
  await once(socket, 'close');
  assert.equal(addon.getPeerName(copy, names[1]), 16);
  assert.deepEqual(names[1], names[0]);
  assert.equal(addon.closeFd(copy), 0);
  await once(client.resume(), 'close');
});

test('what is not there is told by its errno', () => {
  assert.equal(addon.duplicateFd(process.pid, 1_000_000), -errno.EBADF);
  // Past the greatest process id there can be (kernel.pid_max).
  assert.equal(addon.duplicateFd(4_194_305, 0), -errno.ESRCH);
});
