// Links on the two ends of a virtual cable in a namespace of this file's own:
//
//   left ──── right

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntilUp } from '../../cli/namespaces/link-up.js';
import { type Arena, type Link, PacketSocketLink, packetSocketArena } from '../../lib/link/index.js';
import { native } from '../../lib/native.js';
import { packet, pattern } from '../support/packet-builder.js';
import { enterPrivateNetwork } from '../support/private-network.js';
import { requireNamespaces, requireTun } from '../support/require.js';
import { runShell } from '../support/run-shell.js';
import { experimental, Tap } from '../support/tap.js';
import { TapDevice } from '../support/tap-device.js';
import { decodeVirtio, encodeVirtio, VIRTIO } from '../support/virtio-header.js';

await enterPrivateNetwork(() => {
  runShell(`
    echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link add left type veth peer name right
    ip link set left up
    ip link set right up`);
  for (const device of ['left', 'right']) waitUntilUp(device);
});

const MAC = { from: '02:00:00:00:00:01', to: '02:00:00:00:00:02' };
/** Of the ring, at an MTU of 1500. */
const SLOTS = 64 * 151;
const HEADROOM = 96;
const VIRTIO_HEADER = 10;

const frame = (length: number, seed = 0) =>
  packet()
    .ethernet({ ...MAC, type: experimental })
    .payload(pattern(length, seed))
    .bytes();

const gso = (bytes: number) =>
  packet()
    .ethernet(MAC)
    .ip({ from: '192.0.2.1', to: '192.0.2.2' })
    .tcp({ from: 1000, to: 2000, flags: 'A' })
    .payload(pattern(bytes, 9))
    .offload({ gsoSize: 1400 })
    .build();

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** A link that is closed with `using`. */
function open(device: string, arena: Arena = packetSocketArena(native()!, 1)) {
  const link = new PacketSocketLink(native()!, device, arena);
  return Object.assign(link, { arena, [Symbol.dispose]: () => link.close() });
}

/** Calls `take` with each frame that comes, until `count` came, ten seconds at most. */
async function receive(link: Link, count: number, take: (offset: number, length: number) => void) {
  const deadline = Date.now() + 10_000;
  for (let came = 0; came < count && Date.now() < deadline; ) {
    const filled = link.receive();
    for (let i = 0; i < filled; i++) take(link.received[2 * i]!, link.received[2 * i + 1]!);
    link.release();
    came += filled;
    if (filled === 0) await sleep(1);
  }
}

async function framesOf(link: Link & { arena: Arena }, count: number): Promise<string[]> {
  const frames: string[] = [];
  await receive(link, count, (offset, length) =>
    frames.push(hex(link.arena.bytes.subarray(offset, offset + length))),
  );
  return frames;
}

test('frames of every length up to the MTU come whole and in order', async (t) => {
  if (!requireNamespaces(t)) return;
  using link = open('right');
  using left = new Tap('left');
  const frames = Array.from({ length: 60 }, (_, i) => frame(i * 25, i)).concat(frame(1500, 99));
  left.send(frames);
  assert.deepEqual(await framesOf(link, frames.length), frames.map(hex));
});

test('frames that are longer than a slot come between the others, with their offloads', async (t) => {
  if (!requireNamespaces(t)) return;
  using link = open('right');
  using left = new Tap('left');
  const { bytes, virtio } = gso(60_000);
  left.send([frame(100, 1)]);
  left.send([bytes], virtio);
  left.send([bytes], virtio);
  left.send([frame(100, 2)]);
  const headers: ReturnType<typeof decodeVirtio>[] = [];
  const frames: string[] = [];
  await receive(link, 4, (offset, length) => {
    headers.push(decodeVirtio(link.arena.bytes.subarray(offset - VIRTIO_HEADER, offset)));
    frames.push(hex(link.arena.bytes.subarray(offset, offset + length)));
  });
  assert.deepEqual(frames, [frame(100, 1), bytes, bytes, frame(100, 2)].map(hex));
  assert.deepEqual(headers[1], decodeVirtio(virtio));
  assert.equal(headers[0]!.gsoType, 0);
});

test('nothing is lost or changed when the ring has gone round three times', async (t) => {
  if (!requireNamespaces(t)) return;
  using link = open('right');
  using left = new Tap('left');
  let next = 0;
  for (let sent = 0; sent < 3 * SLOTS; ) {
    const frames = Array.from({ length: 64 }, () => frame(60, sent++));
    left.send(frames);
    const came = await framesOf(link, 64);
    for (const bytes of came) assert.equal(bytes, hex(frame(60, next++)));
  }
  assert.ok(next >= 3 * SLOTS);
  assert.equal(link.statistics().receiveOverflow, 0);
});

test('what is written into the headroom of a frame touches no other frame', async (t) => {
  if (!requireNamespaces(t)) return;
  using link = open('right');
  using left = new Tap('left');
  const frames = Array.from({ length: 64 }, (_, i) => frame(1500, i));
  for (let round = 0; round < 3; round++) {
    left.send(frames);
    const came: string[] = [];
    await receive(link, 64, (offset, length) => {
      const { bytes } = link.arena;
      bytes.fill(0xee, offset - VIRTIO_HEADER - HEADROOM, offset - VIRTIO_HEADER);
      came.push(hex(bytes.subarray(offset, offset + length)));
      bytes.fill(0xee, offset, offset + length);
    });
    assert.deepEqual(came, frames.map(hex));
  }
});

test('a frame is rewritten where it came and sent on another link from there', async (t) => {
  if (!requireNamespaces(t)) return;
  const arena = packetSocketArena(native()!, 2);
  using right = open('right', arena);
  using left = open('left', arena);
  using tap = new Tap('left');
  using far = new Tap('left');
  tap.send([frame(100, 3)]);
  await receive(right, 1, (offset, length) => {
    arena.bytes[offset + 20] = 0x42;
    right.queue(offset, length);
    right.flush();
  });
  const expected = frame(100, 3);
  expected[20] = 0x42;
  const [came] = await far.receiveUntil(1);
  assert.ok(came && 'bytes' in came);
  assert.equal(hex(came.bytes), hex(expected));
  assert.deepEqual(await framesOf(left, 1), [hex(expected)]);
});

test('slots that are not given back are not written again, and what finds none is counted', async (t) => {
  if (!requireNamespaces(t)) return;
  using link = open('right');
  using left = new Tap('left');
  left.send([frame(100, 1)]);
  while (link.receive() === 0) await sleep(1);
  const [offset, length] = link.received;
  for (let sent = 0; sent < SLOTS + 64; sent += 64) {
    left.send(Array.from({ length: 64 }, () => frame(100, 2)));
  }
  assert.equal(hex(link.arena.bytes.subarray(offset!, offset! + length!)), hex(frame(100, 1)));
  assert.ok(link.statistics().receiveOverflow > 0);
});

test('a ring that a frame of an unknown offload has stopped is made anew, and that is counted', async (t) => {
  if (!requireNamespaces(t) || !requireTun(t)) return;
  using device = await TapDevice.open('tap');
  using link = open('tap');
  const plainly = encodeVirtio({});
  const fragmentation = Uint8Array.of(VIRTIO.needsChecksum, VIRTIO.gsoUdp, 42, 0, 0xc8, 5, 34, 0, 6, 0);
  const datagram = packet()
    .ethernet(MAC)
    .ip({ from: '192.0.2.1', to: '192.0.2.2' })
    .udp({ from: 1000, to: 2000, checksum: 'partial' })
    .payload(3000)
    .bytes();
  device.write(plainly, frame(100, 1));
  assert.deepEqual(await framesOf(link, 1), [hex(frame(100, 1))]);
  link.tend();
  device.write(fragmentation, datagram);
  device.write(plainly, frame(100, 2));
  const deadline = Date.now() + 10_000;
  while (link.statistics().receiveRingStopped === 0 && Date.now() < deadline) {
    await sleep(10);
    link.tend();
  }
  device.write(plainly, frame(100, 3));
  const [came] = await framesOf(link, 1);
  assert.ok(came === hex(frame(100, 3)) || came === hex(frame(100, 2)));
  assert.equal(link.statistics().receiveRingStopped, 1);
  assert.ok(link.statistics().receiveOverflow > 0);
});

test('a ring that was full and then read is left alone', (t) => {
  if (!requireNamespaces(t)) return;
  using link = open('right');
  using left = new Tap('left');
  for (let sent = 0; sent < SLOTS + 64; sent += 64) {
    left.send(Array.from({ length: 64 }, () => frame(100, 2)));
  }
  link.tend(); // dropped some and read none, but they wait
  while (link.receive() > 0) link.release();
  link.tend();
  link.tend();
  const { receiveOverflow, receiveRingStopped } = link.statistics();
  assert.ok(receiveOverflow > 0);
  assert.equal(receiveRingStopped, 0);
});

test('long frames that found no room are counted, and do not keep the event loop busy', async (t) => {
  if (!requireNamespaces(t)) return;
  using link = open('right');
  using left = new Tap('left');
  const { bytes, virtio } = gso(60_000);
  const sent = 1200; // about twice what the buffer holds
  for (let n = 0; n < sent; n++) left.send([bytes], virtio);
  let calls = 0;
  let came = 0;
  link.start(() => {
    calls++;
    const filled = link.receive();
    if (filled === 0) return;
    came += filled;
    link.release();
  });
  const deadline = Date.now() + 10_000;
  while (came + link.statistics().receiveOverflow < sent && Date.now() < deadline) await sleep(5);
  assert.ok(came > 64 && came < sent - 64, `${came} of ${sent} came`);
  assert.equal(came + link.statistics().receiveOverflow, sent);
  const before = calls;
  await sleep(100);
  assert.ok(calls - before < 20, `called ${calls - before} times when nothing was left`);
});

test('an interface that goes down and comes up again neither keeps the event loop busy nor ends the link', async (t) => {
  if (!requireNamespaces(t)) return;
  using link = open('right');
  using left = new Tap('left');
  let calls = 0;
  const frames: string[] = [];
  link.start(() => {
    calls++;
    const filled = link.receive();
    for (let i = 0; i < filled; i++) {
      const [offset, length] = link.received.subarray(2 * i, 2 * i + 2);
      frames.push(hex(link.arena.bytes.subarray(offset!, offset! + length!)));
    }
    link.release();
  });
  runShell('ip link set right down');
  await sleep(100);
  assert.ok(calls < 20, `called ${calls} times`);
  runShell('ip link set right up');
  waitUntilUp('right');
  waitUntilUp('left');
  left.send([frame(100, 5)]);
  const deadline = Date.now() + 10_000;
  while (frames.length === 0 && Date.now() < deadline) await sleep(5);
  assert.deepEqual(frames, [hex(frame(100, 5))]);
});

test('a closed link leaves no socket with the kernel and its memory in place', (t) => {
  if (!requireNamespaces(t)) return;
  const sockets = () => readFileSync('/proc/thread-self/net/packet', 'utf8').trim().split('\n').length;
  const before = sockets();
  const link = open('right');
  assert.equal(sockets(), before + 1);
  link.close();
  assert.equal(sockets(), before);
  link.arena.bytes.fill(1);
});

test('a closed link tells what the kernel had dropped up to then, and closes no descriptor that is not its own', (t) => {
  if (!requireNamespaces(t)) return;
  const link = open('right');
  using left = new Tap('left');
  const overflow = () => {
    for (let sent = 0; sent < SLOTS + 64; sent += 64) {
      left.send(Array.from({ length: 64 }, () => frame(1400, 1)));
    }
  };
  overflow();
  link.close();
  assert.ok(link.statistics().receiveOverflow > 0);

  using next = open('right'); // takes the descriptor that has become free
  link.close();
  const { receiveOverflow } = link.statistics();
  overflow();
  assert.equal(link.statistics().receiveOverflow, receiveOverflow);
  assert.ok(next.statistics().receiveOverflow > 0);
});
