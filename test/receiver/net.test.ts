import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getClientAddress } from '../../lib/index.js';
import { enterPrivateNetwork, SERVER } from '../support/private-network.js';
import { requireNamespaces } from '../support/require.js';
import { acceptOne, toa } from './support.js';

await enterPrivateNetwork();

test('a client of a FULLNAT balancer is told, and shown by the socket', async (t) => {
  if (!requireNamespaces(t)) return;
  const { socket, attachment, connection } = await acceptOne(t, { syn: toa('203.0.113.7:51514') });
  assert.deepEqual(getClientAddress(socket), {
    address: '203.0.113.7',
    port: 51514,
    family: 4,
    source: 'toa',
    via: 'saved-syn',
    peer: { address: '10.9.1.1', port: connection.local.port, family: 4 },
  });
  assert.equal(socket.remoteAddress, '203.0.113.7');
  assert.equal(socket.remotePort, 51514);
  assert.equal(socket.remoteFamily, 'IPv4');
  assert.equal(attachment.stats().savedSyn, 1);
});

test('the same over IPv6', async (t) => {
  if (!requireNamespaces(t)) return;
  const { socket, connection } = await acceptOne(t, {
    syn: toa('[2001:db8::7]:51514'),
    listen: { host: SERVER.ipv6 },
    to: `[${SERVER.ipv6}]`,
  });
  assert.deepEqual(getClientAddress(socket), {
    address: '2001:db8::7',
    port: 51514,
    family: 6,
    source: 'toa',
    via: 'saved-syn',
    peer: { address: 'fd00:9:1::1', port: connection.local.port, family: 6 },
  });
  assert.equal(socket.remoteAddress, '2001:db8::7');
  assert.equal(socket.remotePort, 51514);
  assert.equal(socket.remoteFamily, 'IPv6');
});
