// `node arriving-segments.js DEVICE PORT`: looks at what arrives, frames for the device to cut still whole; at SIGTERM prints
// the TCP segments to the port as JSON, in order.

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeFrame } from '../../support/packet-decoder.js';
import { Tap } from '../../support/tap.js';

export interface ArrivingSegment {
  readonly from: number;
  readonly flags: string;
  readonly ack: number;
  readonly payload: number;
  /** Of a frame that is several segments, the bytes of each; else 0. */
  readonly gsoSize: number;
  /** In hexadecimal, one by one. */
  readonly options: readonly string[];
}

const [device = '', port] = process.argv.slice(2);
using tap = new Tap(device, { capacity: 66_000 });
const segments: ArrivingSegment[] = [];

function look(): void {
  for (const frame of tap.receive(undefined, { all: true })) {
    if ('lost' in frame) throw new Error(`a frame was lost: ${frame.lost}`);
    const { tcp, virtio } = decodeFrame(frame);
    if (tcp?.to !== Number(port)) continue;
    const { from, flags, ack, payload } = tcp;
    const options = tcp.options.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
    segments.push({ from, flags, ack, payload: payload.length, gsoSize: virtio.gsoSize, options });
  }
}

let done = false;
const told = once(process, 'SIGTERM').then(() => {
  done = true;
});
console.error('ready');
while (!done) {
  look();
  await Promise.race([sleep(5), told]);
}
look();
console.log(JSON.stringify(segments));
