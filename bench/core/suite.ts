import { raiseInliningLimits } from '../../lib/daemon/inlining.js';
import { progress } from '../support/progress.js';
import { interleave } from '../support/rounds.js';
import { type Summary, summarize } from '../support/statistics.js';
import { NaiveRewriter } from './naive-rewriter.js';
import { BalancerReplay, NaiveReplay, type Replay } from './replay.js';
import { establish } from './scenario.js';

const PACKETS = 1_000_000;
/** The naive rewrite takes ten times as long. */
const NAIVE_PACKETS = 200_000;
const WARM_UP = 200_000;
const SIZES = [16, 4096, 65_536];

/** Numbers of connections as keys. */
type BySize = Record<string, Summary>;

export interface CoreResults {
  /** Nanoseconds per packet of process() on known connections, IPv4 and IPv6. */
  fullnat: BySize;
  fullnat6: BySize;
  /** The IPv4 packets through a rewrite with strings, objects and a Map. */
  naive: BySize;
  /** Bytes that the heap has grown by over a million packets (IPv4). */
  heapGrowth: BySize;
}

/** Measures the core alone. */
export async function benchCore(rounds: number): Promise<CoreResults> {
  raiseInliningLimits(); // as `toa lb run` does
  const cases = SIZES.flatMap((size) => prepare(size));
  progress('warming up');
  for (const { replay } of cases) replay.time(WARM_UP);
  const times = await interleave(cases, rounds, ({ kind, replay }) =>
    replay.time(kind === 'naive' ? NAIVE_PACKETS : PACKETS),
  );
  const own = cases.filter(({ kind }) => kind === 'fullnat');
  const growths = await interleave(own, rounds, ({ replay }) => replay.heapGrowth(PACKETS));
  const bySize = (kind: Kind, samples: Map<string, number[]>): BySize =>
    Object.fromEntries(SIZES.map((size) => [size, summarize(samples.get(`${kind} ${size}`)!)]));
  return {
    fullnat: bySize('fullnat', times),
    fullnat6: bySize('fullnat6', times),
    naive: bySize('naive', times),
    heapGrowth: bySize('fullnat', growths),
  };
}

type Kind = 'fullnat' | 'fullnat6' | 'naive';

function prepare(size: number): { name: string; kind: Kind; replay: Replay }[] {
  progress(`opening 2 × ${size} connections`);
  const scenario = establish(4, size);
  const replays: [Kind, Replay][] = [
    ['fullnat', new BalancerReplay(scenario)],
    ['fullnat6', new BalancerReplay(establish(6, size))],
    ['naive', new NaiveReplay(scenario.segments, new NaiveRewriter(scenario.segments))],
  ];
  return replays.map(([kind, replay]) => ({ name: `${kind} ${size}`, kind, replay }));
}
