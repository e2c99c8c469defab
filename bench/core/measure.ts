import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Replay } from './replay.js';

const PACKETS = 1_000_000;
const WARM_UP = 300_000;
/** A packet that leaves something on the heap does so each time; what the compiler leaves there, it does once. */
const HEAP_RUNS = 3;
/** Bytes over a million packets that are nothing: the two readings of the heap allocate some themselves. */
const NOTHING = 10_000;

export interface CaseSample {
  /** For a packet. */
  nanoseconds: number;
  /** Bytes that the heap has grown by at least over a million packets, of up to three millions of the first replay. */
  heapGrowth: number;
}

/** Measures replays that run in one process, and are one case: the mean of their times. Changes V8's flags. */
export function measureCase(replays: readonly [Replay, ...Replay[]]): CaseSample {
  for (const replay of replays) replay.time(WARM_UP);
  const times = replays.map((replay) => replay.time(PACKETS / replays.length));
  return {
    nanoseconds: times.reduce((sum, time) => sum + time, 0) / times.length,
    heapGrowth: leastGrowth(replays[0]),
  };
}

function leastGrowth(replay: Replay): number {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < HEAP_RUNS && least > NOTHING; run++) {
    // What was left before would else be collected in the middle of the packets, and hide growth.
    collectGarbage();
    replay.heapGrowth(WARM_UP); // a collection leaves the compiler some work to do again
    least = Math.min(least, replay.heapGrowth(PACKETS));
  }
  return least;
}
