import type { Figure, PeerResults } from '../balancer/suite.js';
import { WAYS } from '../core/ways.js';
import type { Results } from '../results.js';
import { mapValues } from '../support/map-values.js';
import type { Summary } from '../support/statistics.js';
import { judge } from '../targets.js';

const figures: readonly Figure[] = [
  'connectionsPerSecond',
  'gbitPerSecond',
  'packetsPerSecond',
  'p50',
  'p99',
];

/**
 * The results for machines: medians under the names of the suites, null where a peer cannot do it; `spread` holds
 * all summaries with least and greatest values. Latencies are in microseconds, times of calls in nanoseconds.
 */
export function toJson(results: Results): Record<string, unknown> {
  const { machine, date, rounds, seconds, balancer, core, receiver, watch, synProxy } = results;
  return {
    machine,
    date,
    rounds,
    seconds,
    ...(balancer && { balancer: mapValues(balancer, peerMedians) }),
    ...(core && {
      core: {
        ...mapValues(WAYS, (_, name) => mapValues(core[name], medianOf)),
        dualStack: mapValues(core.dualStack, medianOf),
        naive: mapValues(core.naive, medianOf),
        heapGrowth: mapValues(core.heapGrowth, (way) => mapValues(way, medianOf)),
        table: mapValues(core.table, (figure) => mapValues(figure, medianOf)),
      },
    }),
    ...(receiver && {
      receiver: {
        connectionsRatio:
          receiver.connectionsPerSecond.attached.median / receiver.connectionsPerSecond.plain.median,
        connectionsPerSecond: mapValues(receiver.connectionsPerSecond, medianOf),
        nanoseconds: mapValues(receiver.calls, medianOf),
      },
    }),
    ...(watch && { watch: mapValues({ ...watch }, medianOf) }),
    ...(synProxy && {
      synProxy: {
        rounds: synProxy.rounds,
        nanoseconds: mapValues(synProxy.nanoseconds, medianOf),
        heapGrowth: mapValues(synProxy.heapGrowth, medianOf),
        flood: mapValues(synProxy.flood, (figures) => mapValues(figures, medianOf)),
        throughput: mapValues(synProxy.throughput, (ways) => mapValues(ways, medianOf)),
        randomAcks: synProxy.randomAcks,
      },
    }),
    targets: judge(results),
    spread: { balancer, core, receiver, watch, synProxy },
  };
}

function peerMedians(results: PeerResults): Record<Figure, number | null> {
  const medians = figures.map((figure) => [figure, results[figure]?.median ?? null]);
  return Object.fromEntries(medians) as Record<Figure, number | null>;
}

function medianOf({ median }: Summary): number {
  return median;
}
