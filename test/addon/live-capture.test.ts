import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { LinkType, LiveCapture, type LiveCaptureOptions, Segment } from '../../lib/capture/index.js';
import { requireNative } from '../../lib/native.js';
import { enterPrivateNetwork } from '../support/private-network.js';
import { requireNamespaces } from '../support/require.js';

await enterPrivateNetwork();

interface Taken {
  readonly from: number;
  readonly to: number;
  readonly length: number;
  readonly time: number;
}

/** What is seen while `act` runs. On the loopback a packet has been seen before it arrives. */
async function capture(
  t: TestContext,
  options: LiveCaptureOptions,
  act: () => Promise<void>,
): Promise<Taken[]> {
  const taken: Taken[] = [];
  const segment = new Segment();
  const live = new LiveCapture(requireNative(), options, (bytes, start, end, time) => {
    assert.equal(segment.locate(bytes, start, end, LinkType.raw), undefined);
    taken.push({ from: segment.sourcePort, to: segment.destinationPort, length: end - start, time });
  });
  t.after(() => live.close());
  await act();
  live.drain();
  live.close();
  return taken;
}

async function listen(t: TestContext): Promise<number> {
  const server = createServer((socket) => socket.end('x'.repeat(2000)));
  await once(server.listen(0), 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function talk(host: string, port: number): Promise<void> {
  const socket = connect({ host, port }).resume().end();
  await once(socket, 'close');
}

test('TCP of the named ports is seen, each packet once, with the time; nothing else is', async (t) => {
  if (!requireNamespaces(t)) return;
  const [port, other] = [await listen(t), await listen(t)];
  const before = Date.now() * 1000;
  const taken = await capture(t, { interface: 'lo', ports: [port] }, async () => {
    for (const host of ['127.0.0.1', '::1']) {
      await talk(host, port);
      await talk(host, other);
    }
    const udp = createSocket('udp4');
    udp.send('hello', port, '127.0.0.1', () => udp.close());
    await once(udp, 'close');
  });
  const segments = taken.map(({ from, to }) => [from, to]);
  assert.ok(segments.every((ports) => ports.includes(port)));
  // The SYN and the SYN/ACK of two connections, each seen once though the loopback shows them twice.
  assert.ok(taken.length >= 10 && taken.length <= 24, String(taken.length));
  assert.ok(taken.every(({ time }) => time >= before - 1000 && time <= Date.now() * 1000));
});

test('only headers are kept, unless packets are wanted whole', async (t) => {
  if (!requireNamespaces(t)) return;
  const port = await listen(t);
  const longest = async (whole: boolean) => {
    const taken = await capture(t, { interface: 'lo', ports: [port], whole }, () => talk('127.0.0.1', port));
    return Math.max(...taken.map(({ length }) => length));
  };
  assert.equal(await longest(false), 256);
  assert.ok((await longest(true)) > 2000);
});

test('without ports all TCP passes, on all interfaces', async (t) => {
  if (!requireNamespaces(t)) return;
  const ports = [await listen(t), await listen(t)];
  const taken = await capture(t, {}, async () => {
    for (const port of ports) await talk('127.0.0.1', port);
  });
  for (const port of ports) assert.ok(taken.some(({ to }) => to === port));
});

test('the kernel takes the program with as many ports as there may be', async (t) => {
  if (!requireNamespaces(t)) return;
  const port = await listen(t);
  const ports = [...Array.from({ length: 31 }, (_, index) => index + 1), port];
  const taken = await capture(t, { ports }, () => talk('::1', port));
  assert.ok(taken.length > 0);
});
