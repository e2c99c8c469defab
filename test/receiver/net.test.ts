import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net, { BlockList, type Socket } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type AttachOptions, attach, getClientAddress, type ReceiverStats } from '../../lib/index.js';
import type { InjectedConnectionOptions } from '../support/injected-connection.js';
import { enterPrivateNetwork, SERVER } from '../support/private-network.js';
import { runNode } from '../support/program.js';
import { requireNamespaces } from '../support/require.js';
import { concat, hex } from '../support/wire.js';
import { acceptOne, balancers, listen, openInjector, toa } from './support.js';

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
  assert.deepEqual(shownBy(socket), ['203.0.113.7', 51514, 'IPv4']);
  assert.deepEqual(nonZero(attachment.stats()), { savedSyn: 1 });
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
  assert.deepEqual(shownBy(socket), ['2001:db8::7', 51514, 'IPv6']);
});

test('extension headers, however long, do not hide the option of the SYN behind them', async (t) => {
  if (!requireNamespaces(t)) return;
  // Options that nobody knows and whoever does not is to skip (RFC 8200 4.2), whole words of eight bytes with the header.
  const unknown = (length: number) => concat(Uint8Array.of(0x1e, length), new Uint8Array(length));
  for (const destinationOptions of [
    unknown(4),
    unknown(252),
    concat(...Array(5).fill(unknown(250)), unknown(0)),
  ]) {
    const { socket } = await acceptOne(t, {
      syn: toa('[2001:db8::7]:51514'),
      destinationOptions,
      listen: { host: SERVER.ipv6 },
      to: `[${SERVER.ipv6}]`,
    });
    assert.equal(getClientAddress(socket)?.address, '2001:db8::7', `${destinationOptions.length} bytes`);
  }
});

const families: {
  what: string;
  host: string;
  to: string;
  client: string;
  address: string;
  shown: string[];
}[] = [
  {
    what: 'an IPv4 client on a dual-stack listener is shown mapped, as Node shows one that comes directly, and told plain',
    host: '::',
    to: SERVER.ipv4,
    client: '203.0.113.7:51514',
    address: '203.0.113.7',
    shown: ['::ffff:203.0.113.7', 'IPv6'],
  },
  {
    what: 'an IPv4 client whose balancer speaks IPv6 to the server is shown mapped and told plain',
    host: SERVER.ipv6,
    to: `[${SERVER.ipv6}]`,
    client: '203.0.113.7:51514',
    address: '203.0.113.7',
    shown: ['::ffff:203.0.113.7', 'IPv6'],
  },
  {
    what: 'an IPv6 client whose balancer speaks IPv4 to the server is shown as it is',
    host: SERVER.ipv4,
    to: SERVER.ipv4,
    client: '[2001:db8::7]:51514',
    address: '2001:db8::7',
    shown: ['2001:db8::7', 'IPv6'],
  },
  {
    what: 'an IPv4-mapped client in an IPv6 option is an IPv4 client',
    host: SERVER.ipv4,
    to: SERVER.ipv4,
    client: '[::ffff:cb00:7107]:51514',
    address: '203.0.113.7',
    shown: ['203.0.113.7', 'IPv4'],
  },
];

for (const { what, host, to, client, address, shown } of families) {
  test(what, async (t) => {
    if (!requireNamespaces(t)) return;
    const { socket } = await acceptOne(t, { syn: toa(client), listen: { host }, to });
    assert.equal(getClientAddress(socket)?.address, address);
    assert.deepEqual([socket.remoteAddress, socket.remoteFamily], shown);
  });
}

const outcomes: {
  what: string;
  how: InjectedConnectionOptions & { attach?: Partial<AttachOptions> };
  stats: Partial<ReceiverStats>;
}[] = [
  { what: 'a trusted peer without an option', how: {}, stats: { missing: 1 } },
  {
    what: 'an option from a peer that is not trusted',
    how: { syn: toa('127.0.0.1:1'), from: '198.51.100.1:4000' },
    stats: { untrusted: 1 },
  },
  { what: 'a direct client', how: { from: '198.51.100.1:4000' }, stats: { direct: 1 } },
  {
    what: 'an option with a length byte of 1',
    how: { syn: hex('fe01 c93a cb00 7107') },
    stats: { malformed: 1 },
  },
  {
    what: 'an option that goes on beyond the header',
    how: { syn: hex('fe28 c93a') },
    stats: { malformed: 1 },
  },
  { what: 'an option of no known length', how: { syn: hex('fe07 c93a cb00 71') }, stats: { malformed: 1 } },
  { what: 'the unspecified address', how: { syn: toa('0.0.0.0:51514') }, stats: { malformed: 1 } },
  { what: 'the unspecified IPv6 address', how: { syn: toa('[::]:51514') }, stats: { malformed: 1 } },
  { what: 'a multicast address', how: { syn: toa('224.0.0.1:51514') }, stats: { malformed: 1 } },
  { what: 'an IPv6 multicast address', how: { syn: toa('[ff02::1]:51514') }, stats: { malformed: 1 } },
  { what: 'the broadcast address', how: { syn: toa('255.255.255.255:51514') }, stats: { malformed: 1 } },
  { what: 'a loopback address', how: { syn: toa('127.0.0.1:51514') }, stats: { malformed: 1 } },
  { what: 'the IPv6 loopback address', how: { syn: toa('[::1]:51514') }, stats: { malformed: 1 } },
  { what: 'port 0', how: { syn: toa('203.0.113.7:0') }, stats: { malformed: 1 } },
  {
    what: 'a format that is not accepted by default',
    how: { syn: toa('203.0.113.7:51514', 200) },
    stats: { missing: 1 },
  },
];

for (const { what, how, stats } of outcomes) {
  test(`${what}: the peer is told and shown, and counted`, async (t) => {
    if (!requireNamespaces(t)) return;
    const { socket, attachment, connection } = await acceptOne(t, how);
    const { address, port, source, peer } = getClientAddress(socket)!;
    const expected = [connection.local.address.join('.'), connection.local.port];
    assert.deepEqual([address, port, source], [...expected, 'peer']);
    assert.deepEqual([peer.address, peer.port], expected);
    assert.deepEqual(shownBy(socket), [...expected, 'IPv4']);
    assert.deepEqual(nonZero(attachment.stats()), stats);
  });
}

test('of several options the first one wins, and the others are counted', async (t) => {
  if (!requireNamespaces(t)) return;
  const { socket, attachment } = await acceptOne(t, {
    syn: concat(toa('203.0.113.7:51514'), toa('192.0.2.1:1')),
  });
  assert.equal(socket.remoteAddress, '203.0.113.7');
  assert.deepEqual(nonZero(attachment.stats()), { savedSyn: 1, duplicates: 1 });
});

test('a format without a port tells port 0', async (t) => {
  if (!requireNamespaces(t)) return;
  const { socket } = await acceptOne(t, {
    syn: hex('1c07 01 cb007107'),
    attach: { formats: ['cdn-28-v4'] },
  });
  assert.deepEqual(shownBy(socket), ['203.0.113.7', 0, 'IPv4']);
});

test('a format with the VIP tells it', async (t) => {
  if (!requireNamespaces(t)) return;
  const { socket } = await acceptOne(t, {
    syn: hex('fe10 c93a cb007107 0000 01bb c633640a'),
    attach: { formats: ['toa-254-16'] },
  });
  assert.deepEqual(getClientAddress(socket)?.vip, { address: '198.51.100.10', port: 443, family: 4 });
});

test('a format with the VIP alone tells the peer and the VIP', async (t) => {
  if (!requireNamespaces(t)) return;
  const { socket } = await acceptOne(t, {
    syn: hex('fa08 01bb c633640a'),
    attach: { formats: ['vtoa-250'] },
  });
  const { source, address, vip } = getClientAddress(socket)!;
  assert.deepEqual([source, address], ['peer', '10.9.1.1']);
  assert.deepEqual(vip, { address: '198.51.100.10', port: 443, family: 4 });
});

test('a BlockList and a function can say whom to trust, with plain addresses on dual-stack listeners too', async (t) => {
  if (!requireNamespaces(t)) return;
  const list = new BlockList();
  list.addAddress('10.9.1.1');
  const asked: unknown[] = [];
  const trusts = [
    list,
    (peer: { address: string }) => asked.push(peer.address) > 0,
    '10.9.1.1',
    'private',
    true,
  ] as const;
  for (const trust of trusts) {
    const { socket } = await acceptOne(t, {
      attach: { trust },
      listen: { host: '::' },
      syn: toa('203.0.113.7:51514'),
    });
    assert.equal(getClientAddress(socket)?.source, 'toa', String(trust));
  }
  assert.deepEqual(asked, ['10.9.1.1']);
});

test('while the kernel answers with SYN cookies there is no saved SYN, and the peer is shown', async (t) => {
  if (!requireNamespaces(t)) return;
  alwaysSynCookies(t);
  const { socket, attachment } = await acceptOne(t, { syn: toa('203.0.113.7:51514') });
  assert.equal(getClientAddress(socket)?.address, '10.9.1.1');
  assert.deepEqual(nonZero(attachment.stats()), { noSyn: 1 });
});

test('a client that resets before it is accepted is told from its SYN', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = net.createServer();
  const attachment = attach(server, { trust: balancers });
  const port = await listen(t, server);
  const connection = openInjector(t).connect(`${SERVER.ipv4}:${port}`, { syn: toa('203.0.113.7:51514') });
  connection.once('connect', () => connection.reset());
  const [socket] = (await once(server, 'connection')) as [Socket];
  socket.on('error', () => {});
  assert.deepEqual(shownBy(socket), ['203.0.113.7', 51514, 'IPv4']);
  assert.equal(getClientAddress(socket)?.address, '203.0.113.7');
  assert.deepEqual(nonZero(attachment.stats()), { savedSyn: 1 });
});

test('a client that resets before it is accepted and of whom no SYN was kept is unknown', async (t) => {
  if (!requireNamespaces(t)) return;
  alwaysSynCookies(t);
  const server = net.createServer();
  const attachment = attach(server, { trust: balancers });
  const port = await listen(t, server);
  const connection = openInjector(t).connect(`${SERVER.ipv4}:${port}`);
  connection.once('connect', () => connection.reset());
  const [socket] = (await once(server, 'connection')) as [Socket];
  socket.on('error', () => {});
  assert.equal(socket.remoteAddress, undefined);
  assert.equal(getClientAddress(socket), undefined);
  assert.deepEqual(nonZero(attachment.stats()), { gone: 1 });
});

test('the client is still known when the socket is closed', async (t) => {
  if (!requireNamespaces(t)) return;
  for (const syn of [toa('203.0.113.7:51514'), new Uint8Array()]) {
    const { socket, connection } = await acceptOne(t, { syn });
    const before = getClientAddress(socket);
    connection.end();
    socket.end();
    await once(socket.resume(), 'close');
    assert.equal(getClientAddress(socket), before);
    if (syn.length > 0) assert.equal(socket.remoteAddress, '203.0.113.7');
  }
});

test('the client is shown to a program that had read the address before', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = net.createServer();
  attach(server, { trust: balancers });
  const seen: unknown[] = [];
  server.prependListener('connection', (socket: Socket) => seen.push(socket.remoteAddress));
  const port = await listen(t, server);
  openInjector(t).connect(`${SERVER.ipv4}:${port}`, { syn: toa('203.0.113.7:51514') });
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.after(() => socket.destroy());
  assert.deepEqual(seen, ['10.9.1.1']);
  assert.equal(socket.remoteAddress, '203.0.113.7');
});

test('without override the socket shows the balancer, and the client is told', async (t) => {
  if (!requireNamespaces(t)) return;
  const { socket } = await acceptOne(t, { syn: toa('203.0.113.7:51514'), attach: { override: false } });
  assert.equal(socket.remoteAddress, '10.9.1.1');
  assert.equal(getClientAddress(socket)?.address, '203.0.113.7');
});

test('attaching again gives the same attachment, and the connection counts once', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = net.createServer();
  const attachment = attach(server, { trust: balancers });
  assert.equal(attach(server, { trust: 'private' }), attachment);
  const port = await listen(t, server);
  openInjector(t).connect(`${SERVER.ipv4}:${port}`, { syn: toa('203.0.113.7:51514') });
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.after(() => socket.destroy());
  assert.deepEqual(nonZero(attachment.stats()), { savedSyn: 1 });
});

test('a detached server is left alone, and can be attached anew; using does it too', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = net.createServer();
  const first = attach(server, { trust: balancers });
  const port = await listen(t, server);
  const injector = openInjector(t);
  const shown = async () => {
    injector.connect(`${SERVER.ipv4}:${port}`, { syn: toa('203.0.113.7:51514') });
    const [socket] = (await once(server, 'connection')) as [Socket];
    t.after(() => socket.destroy());
    return socket.remoteAddress;
  };
  first.detach();
  first.detach();
  assert.equal(await shown(), '10.9.1.1');
  {
    using second = attach(server, { trust: balancers });
    assert.notEqual(second, first);
    first.detach(); // an old one has no say any more
    assert.equal(await shown(), '203.0.113.7');
  }
  assert.equal(await shown(), '10.9.1.1');
  assert.deepEqual(nonZero(first.stats()), {});
  for (const event of ['connection', 'listening', 'session', 'stream'])
    assert.equal(server.listenerCount(event), 0, event);
});

test('a server that listens already can be attached', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = net.createServer();
  const port = await listen(t, server);
  attach(server, { trust: balancers });
  openInjector(t).connect(`${SERVER.ipv4}:${port}`, { syn: toa('203.0.113.7:51514') });
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.after(() => socket.destroy());
  assert.equal(socket.remoteAddress, '203.0.113.7');
});

test('a server that listens again elsewhere stays attached', async (t) => {
  if (!requireNamespaces(t)) return;
  const server = net.createServer();
  attach(server, { trust: balancers });
  await listen(t, server);
  server.close();
  await once(server, 'close');
  const port = await listen(t, server, { host: '::' });
  openInjector(t).connect(`${SERVER.ipv4}:${port}`, { syn: toa('203.0.113.7:51514') });
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.after(() => socket.destroy());
  assert.equal(socket.remoteAddress, '::ffff:203.0.113.7');
});

test('a server in another process, on a file descriptor that it was given', async (t) => {
  if (!requireNamespaces(t)) return;
  const owner = net.createServer();
  const port = await listen(t, owner);
  const { fd } = (owner as unknown as { _handle: { fd: number } })._handle;
  const program = fileURLToPath(new URL('programs/listens-on-fd-3.js', import.meta.url));
  const running = runNode(t, [program], { stdio: [fd] });
  owner.close();
  assert.equal(await running.line(), 'listening');
  openInjector(t).connect(`${SERVER.ipv4}:${port}`, { syn: toa('203.0.113.7:51514') });
  assert.equal(await running.line(), '203.0.113.7');
});

test('a paused socket, and a connection that another server hands on', async (t) => {
  if (!requireNamespaces(t)) return;
  const front = net.createServer({ pauseOnConnect: true });
  const back = net.createServer();
  const attachments = [front, back].map((server) => attach(server, { trust: balancers }));
  front.on('connection', (socket) => back.emit('connection', socket));
  const port = await listen(t, front);
  openInjector(t).connect(`${SERVER.ipv4}:${port}`, { syn: toa('203.0.113.7:51514') });
  const [socket] = (await once(back, 'connection')) as [Socket];
  t.after(() => socket.destroy());
  assert.equal(socket.isPaused(), true);
  assert.equal(socket.remoteAddress, '203.0.113.7');
  assert.deepEqual(
    attachments.map((attachment) => nonZero(attachment.stats())),
    [{ savedSyn: 1 }, {}],
  );
});

test('a connection that comes from a server without toakit, its SYN kept', async (t) => {
  if (!requireNamespaces(t)) return;
  const back = net.createServer();
  attach(back, { trust: balancers });
  const front = net.createServer((socket) => back.emit('connection', socket));
  attach(front, { trust: balancers }).detach(); // leaves the listener keeping SYNs
  const second = attach(front, { trust: balancers });
  const port = await listen(t, front, { host: '::' });
  second.detach();
  openInjector(t).connect(`${SERVER.ipv4}:${port}`, { syn: toa('203.0.113.7:51514') });
  const [socket] = (await once(back, 'connection')) as [Socket];
  t.after(() => socket.destroy());
  assert.equal(socket.remoteAddress, '::ffff:203.0.113.7');
});

test('a server in a worker thread', async (t) => {
  if (!requireNamespaces(t)) return;
  const worker = new Worker(new URL('programs/worker-thread.js', import.meta.url));
  t.after(() => worker.terminate());
  const [port] = (await once(worker, 'message')) as [number];
  openInjector(t).connect(`${SERVER.ipv4}:${port}`, { syn: toa('203.0.113.7:51514') });
  assert.deepEqual(await once(worker, 'message'), [{ told: '203.0.113.7', shown: '203.0.113.7' }]);
});

test('a Unix socket is left alone', async (t) => {
  const server = net.createServer();
  const attachment = attach(server, { trust: 'private' });
  server.listen(`\0toakit-test-${process.pid}`);
  await once(server, 'listening');
  t.after(() => server.close());
  const client = net.connect(`\0toakit-test-${process.pid}`);
  t.after(() => client.destroy());
  const [socket] = (await once(server, 'connection')) as [Socket];
  assert.equal(getClientAddress(socket), undefined);
  assert.deepEqual(nonZero(attachment.stats()), {});
});

function shownBy({ remoteAddress, remotePort, remoteFamily }: Socket): unknown[] {
  return [remoteAddress, remotePort, remoteFamily];
}

function nonZero(stats: ReceiverStats): Partial<ReceiverStats> {
  return Object.fromEntries(Object.entries(stats).filter(([, count]) => count > 0));
}

function alwaysSynCookies(t: { after(done: () => void): void }): void {
  const setting = '/proc/sys/net/ipv4/tcp_syncookies';
  writeFileSync(setting, '2');
  t.after(() => writeFileSync(setting, '1'));
}
