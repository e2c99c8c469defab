// Frames between the two ends of a virtual cable in a namespace of this file's own:
//
//   left ──── right

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants } from 'node:os';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { waitUntilUp } from '../../cli/namespaces/link-up.js';
import { native, PacketSocketFlag } from '../../lib/native.js';
import { nativeError } from '../../lib/native-error.js';
import { packet, pattern } from '../support/packet-builder.js';
import { enterPrivateNetwork } from '../support/private-network.js';
import { requireNamespaces, requireTun } from '../support/require.js';
import { runShell } from '../support/run-shell.js';
import { experimental, type Received, Tap } from '../support/tap.js';
import { TapDevice } from '../support/tap-device.js';
import { decodeVirtio, encodeVirtio, VIRTIO } from '../support/virtio-header.js';

await enterPrivateNetwork(() => {
  runShell(`
    echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link add left type veth peer name right
    ip link set lo up
    ip link set left up
    ip link set right up`);
  for (const device of ['left', 'right']) waitUntilUp(device);
});

const { errno } = constants;
const MAC = { from: '02:00:00:00:00:01', to: '02:00:00:00:00:02' };

const frame = (length: number, seed = 0) =>
  packet()
    .ethernet({ ...MAC, type: experimental })
    .payload(pattern(length, seed))
    .bytes();

const bytesOf = (frames: readonly Received[]) =>
  frames.map((received) =>
    'lost' in received ? received.lost : Buffer.from(received.bytes).toString('hex'),
  );

const hex = (frames: readonly Uint8Array[]) => frames.map((bytes) => Buffer.from(bytes).toString('hex'));

test('a batch arrives whole, in order and byte for byte', async (t) => {
  if (!requireNamespaces(t)) return;
  using left = new Tap('left');
  using right = new Tap('right');
  const frames = Array.from({ length: 64 }, (_, i) => frame(46 + i * 20, i));
  assert.equal(left.send(frames).sent, 64);
  assert.deepEqual(bytesOf(await right.receiveUntil(64)), hex(frames));
});

test('one call receives as many frames as it is asked to, the next one the rest', async (t) => {
  if (!requireNamespaces(t)) return;
  using left = new Tap('left');
  using right = new Tap('right');
  const frames = [1, 2, 3, 4, 5].map((seed) => frame(100, seed));
  left.send(frames);
  const received: Received[] = [];
  while (received.length < 4) {
    received.push(...right.receive(2));
    await setImmediate();
  }
  assert.equal(received.length, 4);
  received.push(...(await right.receiveUntil(1)));
  assert.deepEqual(bytesOf(received), hex(frames));
});

test('where nothing has arrived, zero frames are received', (t) => {
  if (!requireNamespaces(t)) return;
  using right = new Tap('right');
  assert.equal(right.receiveRaw(), 0);
});

test('a frame longer than the room for it is told as lost, its neighbors arrive', async (t) => {
  if (!requireNamespaces(t)) return;
  using left = new Tap('left');
  using right = new Tap('right', { capacity: 500 });
  const frames = [frame(100, 1), frame(600, 2), frame(100, 3)];
  left.send(frames);
  const [first, , last] = hex(frames);
  assert.deepEqual(bytesOf(await right.receiveUntil(3)), [first, errno.EMSGSIZE, last]);
});

test('a frame that the kernel refuses is told, the others are sent', async (t) => {
  if (!requireNamespaces(t)) return;
  using left = new Tap('left');
  using right = new Tap('right');
  const frames = [frame(100, 1), frame(1600, 2), frame(100, 3), new Uint8Array(3), frame(100, 4)];
  const { sent, lengths } = left.send(frames);
  assert.equal(sent, 3);
  assert.deepEqual(lengths, [124, -errno.EMSGSIZE, 124, -errno.EINVAL, 124]);
  const good = frames.filter((_, i) => lengths[i]! > 0);
  assert.deepEqual(bytesOf(await right.receiveUntil(3)), hex(good));
});

test('a GSO frame crosses whole, its virtio header before it', async (t) => {
  if (!requireNamespaces(t)) return;
  using left = new Tap('left');
  using right = new Tap('right', { capacity: 66_000 });
  const { bytes, virtio } = packet()
    .ethernet(MAC)
    .ip({ from: '192.0.2.1', to: '192.0.2.2' })
    .tcp({ from: 1000, to: 2000, flags: 'A' })
    .payload(60_000)
    .offload({ gsoSize: 1400 })
    .build();
  assert.equal(left.send([bytes], virtio).sent, 1);
  const [received] = await right.receiveUntil(1, { all: true });
  assert.ok(received && 'virtio' in received);
  assert.deepEqual(decodeVirtio(received.virtio), decodeVirtio(virtio));
  assert.equal(decodeVirtio(received.virtio).gsoType, VIRTIO.gsoTcp4);
  assert.deepEqual(bytesOf([received]), hex([bytes]));
});

test('VLAN-tagged frames are dropped, with VLAN 0 too', async (t) => {
  if (!requireNamespaces(t)) return;
  using left = new Tap('left');
  using right = new Tap('right');
  const tagged = (id: number) =>
    packet()
      .ethernet({ ...MAC, type: 0x8100 })
      .payload(Uint8Array.of(id >> 8, id & 255, experimental >> 8, experimental & 255, ...pattern(60)))
      .bytes();
  const plain = frame(60, 9);
  left.send([tagged(10), tagged(0), plain]);
  assert.deepEqual(bytesOf(await right.receiveUntil(1, { all: true })), hex([plain]));
  assert.equal(right.receiveRaw(), 0);
});

test('frames that this machine sends are seen, unless they are to be ignored', async (t) => {
  if (!requireNamespaces(t)) return;
  using sender = new Tap('left');
  using deaf = new Tap('left', { flags: PacketSocketFlag.ignoreOutgoing });
  using hearing = new Tap('left', { flags: 0 });
  const sent = frame(100);
  sender.send([sent]);
  assert.deepEqual(bytesOf(await hearing.receiveUntil(1)), hex([sent]));
  assert.deepEqual(deaf.receive(), []);
});

test('frames of another interface are not received', async (t) => {
  if (!requireNamespaces(t)) return;
  using left = new Tap('left');
  using loopback = new Tap('lo');
  using right = new Tap('right');
  const sent = frame(100);
  left.send([sent]);
  assert.deepEqual(bytesOf(await right.receiveUntil(1)), hex([sent]));
  assert.deepEqual(loopback.receive(), []);
});

test('the interface is promiscuous, or takes all multicast, as long as the socket that asks for it', (t) => {
  if (!requireNamespaces(t)) return;
  const modes = () => {
    const [link] = JSON.parse(runShell('ip -details -json link show left'));
    return [link.promiscuity, link.allmulti];
  };
  for (const [flags, expected] of [
    [PacketSocketFlag.promiscuous, [1, 0]],
    [PacketSocketFlag.allMulticast, [0, 1]],
    [PacketSocketFlag.promiscuous | PacketSocketFlag.allMulticast, [1, 1]],
    [0, [0, 0]],
  ] as const) {
    {
      using _left = new Tap('left', { flags });
      assert.deepEqual(modes(), expected);
    }
    assert.deepEqual(modes(), [0, 0]);
  }
});

test('statistics count frames and drops, and start again when read', (t) => {
  if (!requireNamespaces(t)) return;
  const addon = native()!;
  using left = new Tap('left');
  const index = addon.interfaceIndex('right');
  const small = addon.packetSocketOpen(index, PacketSocketFlag.ignoreOutgoing, 0);
  const statistics = new Uint32Array(2);
  left.send(Array.from({ length: 64 }, () => frame(1000)));
  assert.equal(addon.packetSocketStatistics(small, statistics), 0);
  const [packets = 0, drops = 0] = statistics;
  assert.ok(packets >= 64 && drops > 0 && drops < packets, `${packets} packets, ${drops} drops`);
  addon.packetSocketStatistics(small, statistics);
  assert.deepEqual([...statistics], [0, 0]);
  addon.closeFd(small);
});

test('the event loop tells when frames are there, and again until they are read', async (t) => {
  if (!requireNamespaces(t)) return;
  using left = new Tap('left');
  using right = new Tap('right');
  const sent = frame(100);
  const received: Received[] = [];
  let calls = 0;
  await new Promise<void>((resolve) => {
    const poll = new right.addon.Poll(right.fd, () => {
      calls += 1;
      if (calls < 3) return;
      received.push(...right.receive());
      poll.close();
      resolve();
    });
    assert.equal(poll.start(), 0);
    left.send([sent]);
  });
  assert.deepEqual(bytesOf(received), hex([sent]));
  assert.equal(calls, 3);
});

test('an interface that goes down is told once, and the same socket and poll serve it when it is up again', async (t) => {
  if (!requireNamespaces(t)) return;
  using left = new Tap('left');
  using right = new Tap('right');
  let wake = () => {};
  const woken = () => new Promise<void>((resolve) => (wake = resolve));
  const poll = new right.addon.Poll(right.fd, () => wake());
  poll.start();
  let next = woken();
  runShell('ip link set right down');
  await next;
  assert.equal(right.receiveRaw(), -errno.ENETDOWN);
  assert.equal(right.receiveRaw(), 0);
  runShell('ip link set right up');
  for (const device of ['left', 'right']) waitUntilUp(device);
  next = woken();
  const sent = frame(100);
  left.send([sent]);
  await next;
  assert.deepEqual(bytesOf(await right.receiveUntil(1)), hex([sent]));
  poll.close();
});

test('an interface that does not exist gives ERR_TOA_NO_INTERFACE', (t) => {
  if (!requireNamespaces(t)) return;
  const answer = native()!.packetSocketOpen(4711, 0, 1 << 20);
  assert.equal(answer, -errno.ENODEV);
  assert.equal(nativeError('open a packet socket', answer).code, 'ERR_TOA_NO_INTERFACE');
});

test('workers and the main thread use packet sockets at the same time, and workers end while they do', async (t) => {
  if (!requireNamespaces(t)) return;
  using left = new Tap('left');
  const program = fileURLToPath(new URL('programs/packet-worker.js', import.meta.url));
  const marks = [1, 2, 3];
  const workers = marks.map((mark) => new Worker(program, { workerData: { device: 'right', mark } }));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const frames = marks.flatMap((mark) => Array.from({ length: 20 }, () => frame(200).fill(mark, 14)));
  left.send(frames);
  const answers = (await left.receiveUntil(frames.length)).map(
    (received) => 'bytes' in received && [...received.bytes.subarray(14, 17)].join(),
  );
  assert.deepEqual(
    answers.sort(),
    frames.map(([...bytes]) => [bytes[14], bytes[14]! + 1, bytes[14]].join()),
  );
  left.send(frames);
  await Promise.all(workers.map((worker) => worker.terminate()));
});

test('a frame whose GSO the virtio header cannot tell is told as lost, those after it arrive', async (t) => {
  if (!requireNamespaces(t) || !requireTun(t)) return;
  // A TAP device takes UDP fragmentation offload, which packet sockets cannot hand on.
  const plain = frame(100, 7);
  const big = packet()
    .ethernet(MAC)
    .ip({ from: '192.0.2.1', to: '192.0.2.2' })
    .udp({ from: 1000, to: 2000, checksum: 'partial' })
    .payload(3000)
    .bytes();
  const header = Buffer.from([VIRTIO.needsChecksum, VIRTIO.gsoUdp, 42, 0, 0xc8, 5, 34, 0, 6, 0]);
  using device = await TapDevice.open('tap');
  using tap = new Tap('tap', { capacity: 66_000 });
  const plainly = encodeVirtio({});
  device.write(plainly, plain);
  device.write(header, big);
  device.write(plainly, plain);
  const [line] = hex([plain]);
  assert.deepEqual(bytesOf(await tap.receiveUntil(3)), [line, errno.EINVAL, line]);
});
