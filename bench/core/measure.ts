import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Replay } from './replay.js';

const PACKETS = 1_000_000;
const WARM_UP = 300_000;

export interface CaseSample {
  /** For a packet. */
  nanoseconds: number;
  /** Bytes that the heap has grown by over a million packets, of the first replay. */
  heapGrowth: number;
}

/** Measures replays that run in one process, and are one case: the mean of their times. Changes V8's flags. */
export function measureCase(replays: readonly [Replay, ...Replay[]]): CaseSample {
  for (const replay of replays) replay.time(WARM_UP);
  const times = replays.map((replay) => replay.time(PACKETS / replays.length));
  collectGarbage();
  replays[0].heapGrowth(WARM_UP); // a collection leaves the compiler some work to do again
  return {
    nanoseconds: times.reduce((sum, time) => sum + time, 0) / times.length,
    heapGrowth: replays[0].heapGrowth(PACKETS),
  };
}

/** What the set-up left would else be collected in the middle of the packets, and hide growth. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
