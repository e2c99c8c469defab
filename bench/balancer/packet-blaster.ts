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
import { FrameBlaster } from '../../test/support/frame-blaster.js';
import { packet } from '../../test/support/packet-builder.js';
import { type DecodedFrame, decodeFrame } from '../../test/support/packet-decoder.js';
import { Tap } from '../../test/support/tap.js';

const PAYLOAD = 6;
const BATCH = 64;

const [host, port, device] = process.argv.slice(2);
const segment = await capturedSegment();
process.stdout.write('blasting\n');
new FrameBlaster(device!, Array(BATCH).fill(segment)).blast({ perSecond: Infinity, seconds: Infinity });

/** A segment of 60 bytes in all, made from the latest one of a new connection. */
async function capturedSegment(): Promise<Uint8Array> {
  using tap = new Tap(device!, { flags: 0 });
  return smallSegment(lastSegmentFrom(await exchange(host!, Number(port)), tap));
}

/** Opens a connection and waits for the answer to a request, and until it is acknowledged; returns the local port. */
async function exchange(host: string, port: number): Promise<number> {
  const socket = connect(port, host);
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await once(socket, 'data');
  await sleep(200);
  return socket.localPort!;
}

/** The last segment from a port of ours that the tap saw. */
function lastSegmentFrom(localPort: number, tap: Tap): DecodedFrame {
  let last: DecodedFrame | undefined;
  for (;;) {
    const received = tap.receive(undefined, { all: true });
    if (received.length === 0) break;
    for (const each of received) {
      if ('lost' in each) continue;
      const frame = decodeFrame(each);
      if (frame.tcp?.from === localPort) last = frame;
    }
  }
  if (last === undefined) throw new Error(`no segment of port ${localPort} was seen`);
  return last;
}

function smallSegment({ from, to, ip, tcp }: DecodedFrame): Uint8Array {
  if (ip === undefined || tcp === undefined) throw new TypeError('not a TCP segment');
  return packet()
    .ethernet({ from, to })
    .ip({ from: ip.from, to: ip.to })
    .tcp({ from: tcp.from, to: tcp.to, seq: tcp.seq - PAYLOAD, ack: tcp.ack, flags: 'PA', window: 1024 })
    .payload(PAYLOAD)
    .bytes();
}
