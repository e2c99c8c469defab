/** What a loop of packets leaves on the heap; for programs that a test runs in a process of their own, with --expose-gc. */
import { Frame, HEADROOM } from '../../lib/balancer/index.js';
import type { PacketBuilder } from './packet-builder.js';
import type { Rig } from './rig.js';

const PACKETS = 1_000_000;
const WARM_UP = 200_000;
/** A packet that leaves something behind does so each time; what the compiler leaves, it does once. */
const TIMES = 3;
const START = HEADROOM + 10;

interface Case {
  readonly rig: Rig;
  readonly link: number;
  readonly bytes: Uint8Array;
}

/** A packet that goes into a balancer again and again. */
export function caseOf(rig: Rig, [link, built]: readonly [number, PacketBuilder]): Case {
  return { rig, link, bytes: built.bytes() };
}

/**
 * Pushes a million packets, the cases in turn, through their balancers, three times, and prints as JSON by how many bytes the
 * heap has grown at least, and how many frames of the last million were sent on or back.
 */
export function printHeapGrowth(cases: readonly Case[]): void {
  const frame = new Frame(new Uint8Array(4096));
  let forwarded = 0;
  const run = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const { rig, link, bytes } = cases[i % cases.length]!;
      frame.bytes.fill(0, 0, START);
      frame.bytes.set(bytes, START);
      if (rig.balancer.process(frame.at(START, bytes.length, link), rig.now) >= 0) forwarded++;
    }
  };
  run(WARM_UP);
  let grown = Number.POSITIVE_INFINITY;
  for (let time = 0; time < TIMES; time++) {
    globalThis.gc?.();
    forwarded = 0;
    const before = process.memoryUsage().heapUsed;
    run(PACKETS);
    grown = Math.min(grown, process.memoryUsage().heapUsed - before);
  }
  process.stdout.write(JSON.stringify({ packets: PACKETS, forwarded, grown }));
}
