/**
 * `node conversation-blaster.js DEVICE PER-SECOND SECONDS`: sends the packets of short connections with TOA, ten packets each,
 * both ways, a new connection every ten packets. Prints how many packets it sent, in how many seconds.
 */
import { FrameBlaster } from '../../test/support/frame-blaster.js';
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

const { length } = frames;
const batch = Array.from({ length: BATCH * length }, (_, i) => frames[i % length]!);
const blaster = new FrameBlaster(
  device,
  batch.map(({ bytes }) => bytes),
);
let first = 0;

/** Makes the batch's connections new ones: another port of the peer, other sequence numbers. Nobody looks at checksums. */
function renew(): void {
  const { view } = blaster;
  for (const [i, { fromPeer, seq, ack }] of batch.entries()) {
    const connection = first + Math.floor(i / length);
    const tcp = blaster.offset(i) + TCP;
    view.setUint16(tcp + (fromPeer ? 0 : 2), 1024 + (connection % 60_000));
    view.setUint32(tcp + 4, seq + (fromPeer ? connection : 0));
    view.setUint32(tcp + 8, ack + (fromPeer ? 0 : connection));
  }
  first += BATCH;
}

const result = blaster.blast({ perSecond: Number(perSecond), seconds: Number(seconds) }, renew);
process.stdout.write(`${result.sent} ${result.seconds}\n`);
