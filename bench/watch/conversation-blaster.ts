/**
 * `node conversation-blaster.js DEVICE PER-SECOND SECONDS`: sends the packets of short connections with TOA, ten packets each,
 * both ways, a new connection every ten packets. Prints how many packets it sent, in how many seconds.
 */
import { PacketSocketFlag, requireNative } from '../../lib/native.js';
import { packet } from '../../test/support/packet-builder.js';
import { type TcpFields, tcpOption } from '../../test/support/tcp-segment.js';
import { hostPort } from '../../test/support/wire.js';

const [device = '', perSecond = '', seconds = ''] = process.argv.slice(2);

const PEER = '10.0.0.1';
const SERVER = '10.0.0.2';
const macs = { from: '02:00:00:00:00:01', to: '02:00:00:00:00:02' };
const options = [tcpOption.toa(hostPort('203.0.113.7', 51514))];

interface Segment extends Partial<TcpFields> {
  readonly by: 'peer' | 'server';
  readonly flags: string;
  readonly data?: number;
}

/** Numbers are relative to both sides' first, which is 0. */
const conversation: readonly Segment[] = [
  { by: 'peer', flags: 'S', seq: 0, options },
  { by: 'server', flags: 'SA', seq: 0, ack: 1 },
  { by: 'peer', flags: 'A', seq: 1, ack: 1, options },
  { by: 'peer', flags: 'PA', seq: 1, ack: 1, options, data: 16 },
  { by: 'server', flags: 'A', seq: 1, ack: 17 },
  { by: 'server', flags: 'PA', seq: 1, ack: 17, data: 16 },
  { by: 'peer', flags: 'A', seq: 17, ack: 17 },
  { by: 'peer', flags: 'FA', seq: 17, ack: 17 },
  { by: 'server', flags: 'FA', seq: 17, ack: 18 },
  { by: 'peer', flags: 'A', seq: 18, ack: 18 },
];

/** Connections in one system call. */
const BATCH = 6;
const SLOT = 256;
/** Where the TCP header begins, behind Ethernet and IPv4. */
const TCP = 34;

const frames = conversation.map(({ by, data = 0, ...fields }) => {
  const fromPeer = by === 'peer';
  const bytes = packet()
    .ethernet(macs)
    .ip({ from: fromPeer ? PEER : SERVER, to: fromPeer ? SERVER : PEER })
    .tcp({ ...fields, from: fromPeer ? 0 : 80, to: fromPeer ? 80 : 0 })
    .payload(data)
    .bytes();
  return { fromPeer, seq: fields.seq ?? 0, ack: fields.ack ?? 0, bytes };
});

const arena = new Uint8Array(BATCH * frames.length * SLOT);
const view = new DataView(arena.buffer);
const table = new Int32Array(2 * BATCH * frames.length);
for (let i = 0; i < BATCH * frames.length; i++) {
  table[2 * i] = i * SLOT;
  arena.set(frames[i % frames.length]!.bytes, i * SLOT);
}

/** Makes the batch's connections new ones: another port of the peer, other sequence numbers. Nobody looks at checksums. */
function renew(first: number): void {
  for (let i = 0; i < BATCH * frames.length; i++) {
    const { fromPeer, seq, ack, bytes } = frames[i % frames.length]!;
    const connection = first + Math.floor(i / frames.length);
    const tcp = i * SLOT + TCP;
    view.setUint16(tcp + (fromPeer ? 0 : 2), 1024 + (connection % 60_000));
    view.setUint32(tcp + 4, seq + (fromPeer ? connection : 0));
    view.setUint32(tcp + 8, ack + (fromPeer ? 0 : connection));
    table[2 * i + 1] = bytes.length;
  }
}

const addon = requireNative();
const fd = addon.packetSocketOpen(addon.interfaceIndex(device), PacketSocketFlag.ignoreOutgoing, 1 << 22);
if (fd < 0) throw new Error(`cannot open a packet socket on ${device}: errno ${-fd}`);
const wanted = Number(perSecond) * Number(seconds);
const pause = new Int32Array(new SharedArrayBuffer(4));
const started = performance.now();
let sent = 0;
for (let connection = 0; sent < wanted; connection += BATCH) {
  while (sent > ((performance.now() - started) / 1000) * Number(perSecond)) Atomics.wait(pause, 0, 0, 1);
  renew(connection);
  sent += addon.packetSocketSend(fd, arena, table, BATCH * frames.length);
}
process.stdout.write(`${sent} ${(performance.now() - started) / 1000}\n`);
