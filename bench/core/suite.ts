import { fileURLToPath } from 'node:url';
import { mapValues } from '../support/map-values.js';
import { interleave } from '../support/rounds.js';
import { sampleOf } from '../support/sample-of.js';
import { type Summary, summarize } from '../support/statistics.js';
import type { CaseSample } from './measure.js';
import type { TableSample } from './table.js';
import { WAYS, type WayName } from './ways.js';

const tableProgram = fileURLToPath(new URL('table.js', import.meta.url));
const program = fileURLToPath(new URL('case.js', import.meta.url));

/** By numbers of connections. */
type BySize = Record<string, Summary>;

/** Nanoseconds per packet of process() on known connections, by the way they go; */
export interface CoreResults extends Record<WayName, BySize> {
  /** the mean of FULLNAT's two families in one process; */
  dualStack: BySize;
  /** the IPv4 packets through a rewrite with strings, objects and a Map. */
  naive: BySize;
  /** Bytes that the heap has grown by over a million packets. */
  heapGrowth: Record<WayName, BySize>;
  /** Nanoseconds and bytes of a connection of FULLNAT, IPv4, in a table of so many. */
  table: Record<keyof TableSample, BySize>;
}

const sizes: Record<WayName | 'dualStack' | 'naive', readonly number[]> = {
  ...mapValues(WAYS, (way) => way.sizes),
  dualStack: [4096],
  naive: [4096],
};

const cases = (Object.keys(sizes) as (keyof typeof sizes)[]).flatMap((kind) =>
  sizes[kind].map((size) => ({ name: `${kind} ${size}`, kind, size })),
);

const tableSizes = [1024, 65_536, 1_048_576];

/** Measures the core alone, each case in a process of its own in each round. */
export async function benchCore(rounds: number): Promise<CoreResults> {
  const samples = await interleave(cases, rounds, ({ kind, size }) => measure(kind, size));
  const tableCases = tableSizes.map((size) => ({ name: String(size), size }));
  const tables = await interleave(tableCases, rounds, ({ size }) => measureTable(size));
  const ofTable = (figure: keyof TableSample): BySize =>
    Object.fromEntries(
      tableSizes.map((size) => [size, summarize(tables.get(String(size))!.map((sample) => sample[figure]))]),
    );
  const bySize = (kind: keyof typeof sizes, figure: keyof CaseSample): BySize =>
    Object.fromEntries(
      sizes[kind].map((size) => [
        size,
        summarize(samples.get(`${kind} ${size}`)!.map((sample) => sample[figure])),
      ]),
    );
  return {
    ...mapValues(WAYS, (_, name) => bySize(name, 'nanoseconds')),
    dualStack: bySize('dualStack', 'nanoseconds'),
    naive: bySize('naive', 'nanoseconds'),
    heapGrowth: mapValues(WAYS, (_, name) => bySize(name, 'heapGrowth')),
    table: {
      opening: ofTable('opening'),
      finding: ofTable('finding'),
      expiring: ofTable('expiring'),
      memory: ofTable('memory'),
    },
  };
}

function measureTable(size: number): TableSample {
  return sampleOf(tableProgram, size);
}

function measure(kind: string, size: number): CaseSample {
  const sample = sampleOf<CaseSample>(program, kind, size);
  if (!(sample.nanoseconds > 0)) throw new Error(`${kind} ${size} measured nothing`);
  return sample;
}
