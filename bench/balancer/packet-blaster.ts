/**
 * `node packet-blaster.js HOST PORT INTERFACE`: opens a connection, exchanges data on it so that every balancer holds
 * it for established, says `blasting` and then sends 64-byte segments of it (60 without the frame check sequence),
 * over a packet socket, as fast as one core can, until it is killed.
 *
 * The segment repeats the last six bytes that the client sent and the server acknowledged: whatever follows
 * connections lets it pass. The server's side counts the frames and has to drop them before its TCP answers.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type NativeAddon, native, nativeSupport } from '../../lib/native.js';
import { packet } from '../../test/support/packet-builder.js';
import { type DecodedFrame, decodeFrame } from '../../test/support/packet-decoder.js';
import { encodeVirtio } from '../../test/support/virtio-header.js';

const PAYLOAD = 6;
const BATCH = 64;
const CAPTURE_BYTES = 2048;

const [host, port, device] = process.argv.slice(2);
const addon = native();
if (addon === undefined) throw new Error(JSON.stringify(nativeSupport()));
const fd = openPacketSocket(addon, device!);
const localPort = await exchange(host!, Number(port));
const segment = smallSegment(lastSegmentFrom(localPort, addon, fd));
process.stdout.write('blasting\n');
blast(addon, fd, segment);

function openPacketSocket(addon: NativeAddon, device: string): number {
  const fd = addon.packetSocketOpen(addon.interfaceIndex(device), 0, 1 << 22);
  if (fd < 0) throw new Error(`cannot open a packet socket on ${device}: errno ${-fd}`);
  return fd;
}

/** Opens a connection and waits for the answer to a request, and until it is acknowledged; returns the local port. */
async function exchange(host: string, port: number): Promise<number> {
  const socket = connect(port, host);
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await once(socket, 'data');
  await sleep(200);
  return socket.localPort!;
}

/** The last segment from a port of ours that the packet socket saw. */
function lastSegmentFrom(localPort: number, addon: NativeAddon, fd: number): DecodedFrame {
  const arena = new Uint8Array(CAPTURE_BYTES);
  const virtio = encodeVirtio({});
  const table = new Int32Array(2);
  let last: DecodedFrame | undefined;
  while (addon.packetSocketReceive(fd, arena, table, 1, arena.length) === 1) {
    const frame = decodeFrame({ bytes: arena.slice(0, table[1]), virtio });
    if (frame.tcp?.from === localPort) last = frame;
  }
  if (last === undefined) throw new Error(`no segment of port ${localPort} was seen`);
  return last;
}

/** A segment of 60 bytes in all, made from the connection's latest one. */
function smallSegment({ from, to, ip, tcp }: DecodedFrame): Uint8Array {
  if (ip === undefined || tcp === undefined) throw new TypeError('not a TCP segment');
  return packet()
    .ethernet({ from, to })
    .ip({ from: ip.from, to: ip.to })
    .tcp({ from: tcp.from, to: tcp.to, seq: tcp.seq - PAYLOAD, ack: tcp.ack, flags: 'PA', window: 1024 })
    .payload(PAYLOAD)
    .bytes();
}

function blast(addon: NativeAddon, fd: number, frame: Uint8Array): never {
  const table = new Int32Array(2 * BATCH);
  for (;;) {
    // Lengths are overwritten where a frame is refused.
    for (let i = 0; i < BATCH; i++) table[2 * i + 1] = frame.length;
    addon.packetSocketSend(fd, frame, table, BATCH);
  }
}
