/**
 * Run by a test in a process of its own, with --expose-gc: pushes a million packets of known connections, both
 * families and both directions, with and without the option, through a balancer, and prints as JSON by how many
 * bytes the heap has grown.
 */
import { Frame, HEADROOM } from '../../lib/balancer/index.js';
import { Flow } from './flow.js';
import { Rig } from './rig.js';
import { TOPOLOGIES } from './topology.js';

const PACKETS = 1_000_000;
const WARM_UP = 200_000;
const START = HEADROOM + 10;

const cases = TOPOLOGIES.flatMap((topology) => {
  const rig = new Rig({ topology });
  const early = new Flow(rig, { port: 1 }).open();
  const settled = new Flow(rig, { port: 2 }).settled();
  return [
    early.client({ flags: 'PA', seq: 1, ack: 1, payload: 500 }),
    settled.client({ flags: 'A', seq: 1, ack: 2, payload: 1000 }),
    settled.fromServer({ flags: 'PA', seq: 2, ack: 1, payload: 1200 }),
  ].map(([link, built]) => ({ rig, link, bytes: built.bytes() }));
});

const frame = new Frame(new Uint8Array(4096));
let forwarded = 0;

function run(count: number): void {
  for (let i = 0; i < count; i++) {
    const { rig, link, bytes } = cases[i % cases.length]!;
    frame.bytes.fill(0, 0, START);
    frame.bytes.set(bytes, START);
    if (rig.balancer.process(frame.at(START, bytes.length, link), rig.now) >= 0) forwarded++;
  }
}

run(WARM_UP);
globalThis.gc?.();
forwarded = 0;
const before = process.memoryUsage().heapUsed;
run(PACKETS);
const grown = process.memoryUsage().heapUsed - before;
process.stdout.write(JSON.stringify({ packets: PACKETS, forwarded, grown }));
