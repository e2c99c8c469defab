import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { type TestContext, test } from 'node:test';
import {
  type ConnectionMessage,
  connectionChannel,
  getClientAddress,
  type MissingMessage,
  missingChannel,
  type TypedChannel,
  type UntrustedMessage,
  untrustedChannel,
} from '../../lib/index.js';
import { enterPrivateNetwork } from '../support/private-network.js';
import { requireNamespaces } from '../support/require.js';
import { acceptOne, toa } from './support.js';

await enterPrivateNetwork();

function collect<Message>(t: TestContext, from: TypedChannel<Message>): Message[] {
  const messages: Message[] = [];
  const onMessage = (message: Message) => messages.push(message);
  from.subscribe(onMessage);
  t.after(() => from.unsubscribe(onMessage));
  return messages;
}

test('toakit:connection tells of each client that was recovered', async (t) => {
  if (!requireNamespaces(t)) return;
  const messages: ConnectionMessage[] = collect(t, connectionChannel);
  const others = [...collect(t, missingChannel), ...collect(t, untrustedChannel)];
  const { socket } = await acceptOne(t, { syn: toa('203.0.113.7:51514') });
  assert.equal(messages.length, 1);
  assert.equal(messages[0]!.socket, socket);
  assert.equal(messages[0]!.client, getClientAddress(socket));
  assert.equal(messages[0]!.server.listening, true);
  assert.deepEqual(others, []);
});

test('toakit:missing tells of a trusted peer that told no client, and why', async (t) => {
  if (!requireNamespaces(t)) return;
  const messages: MissingMessage[] = collect(t, missingChannel);
  const first = await acceptOne(t, {});
  await acceptOne(t, { syn: toa('0.0.0.0:1') });
  await acceptOne(t, { from: '198.51.100.1:4000' }); // a direct client is no news
  assert.deepEqual(
    messages.map(({ reason, peer }) => [reason, peer?.address]),
    [
      ['missing', '10.9.1.1'],
      ['malformed', '10.9.1.1'],
    ],
  );
  assert.equal(messages[0]!.socket, first.socket);
});

test('toakit:untrusted tells who named which client without being trusted', async (t) => {
  if (!requireNamespaces(t)) return;
  const messages: UntrustedMessage[] = collect(t, untrustedChannel);
  const { socket } = await acceptOne(t, { syn: toa('127.0.0.1:1'), from: '198.51.100.1:4000' });
  assert.equal(messages.length, 1);
  const { claimed, peer } = messages[0]!;
  assert.equal(messages[0]!.socket, socket);
  assert.deepEqual(claimed, { address: '127.0.0.1', port: 1, family: 4 });
  assert.deepEqual(peer, { address: '198.51.100.1', port: 4000, family: 4 });
});

test('the channels are those of node:diagnostics_channel', () => {
  assert.equal(channel('toakit:connection'), connectionChannel);
  assert.equal(channel('toakit:missing'), missingChannel);
  assert.equal(channel('toakit:untrusted'), untrustedChannel);
});
