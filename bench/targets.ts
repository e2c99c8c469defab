import { poissonLimits } from '../test/model/poisson.js';
import type { Direction } from './balancer/loads/throughput.js';
import type { Figure } from './balancer/suite.js';
import { WAY_NAMES, WAYS } from './core/ways.js';
import type { Results } from './results.js';
import type { Summary } from './support/statistics.js';
import type { Case } from './syn-proxy/suite.js';

/** A figure that is to be reached, and how it came out. */
export interface Target {
  what: string;
  bound: 'at least' | 'at most';
  wanted: number;
  measured: number;
  met: boolean;
}

interface Aim extends Pick<Target, 'what' | 'bound' | 'wanted'> {
  measure(results: Results): number | undefined;
}

const aims: readonly Aim[] = [
  { ...ratio('connectionsPerSecond', 'ceiling'), bound: 'at least', wanted: 0.9 },
  { ...ratio('packetsPerSecond', 'ceiling'), bound: 'at least', wanted: 0.9 },
  { ...ratio('connectionsPerSecond', 'nftables'), bound: 'at least', wanted: 1 },
  { ...ratio('packetsPerSecond', 'nftables'), bound: 'at least', wanted: 1 },
  { ...ratio('gbitPerSecond', 'nftables'), bound: 'at least', wanted: 0.7 },
  { ...ratio('gbitPerSecond', 'haproxy'), bound: 'at least', wanted: 1.3 },
  { ...ratio('p50', 'nftables'), bound: 'at most', wanted: 1.3 },
  { ...ratio('p99', 'nftables'), bound: 'at most', wanted: 2 },
  ...WAY_NAMES.map(
    (name): Aim => ({
      what: `process() with 4096 connections, ${WAYS[name].what}, ns`,
      bound: 'at most',
      wanted: 120,
      measure: ({ core }) => core?.[name]['4096']?.median,
    }),
  ),
  {
    what: 'memory of 1048576 connections, MB',
    bound: 'at most',
    wanted: 300,
    measure: ({ core }) => {
      const each = core?.table.memory['1048576'];
      return each && (each.median * 1_048_576) / 1e6;
    },
  },
  {
    what: 'heap growth per packet, the worst way, bytes',
    bound: 'at most',
    wanted: 0.05, // the two readings of the heap allocate some themselves
    measure: ({ core }) => core && worstMedian(Object.values(core.heapGrowth).flatMap(Object.values)) / 1e6,
  },
  {
    what: 'packets/s offered to toa watch',
    bound: 'at least',
    wanted: 95_000, // else what it loses says little
    measure: ({ watch }) => watch?.offered.median,
  },
  {
    what: 'packets that toa watch loses at 100,000 per second, parts',
    bound: 'at most',
    wanted: 0,
    measure: ({ watch }) => watch?.lost.max,
  },
  {
    what: 'processor time of toa watch per packet, µs',
    bound: 'at most',
    wanted: 10, // one core at 100,000 per second
    measure: ({ watch }) => watch?.cpu.median,
  },
  {
    what: 'connections/s with attach() by those without',
    bound: 'at least',
    wanted: 0.97,
    measure: ({ receiver }) =>
      receiver && receiver.connectionsPerSecond.attached.median / receiver.connectionsPerSecond.plain.median,
  },
  perSegment('a SYN, IPv4', 'syn 4', 400),
  perSegment('a SYN, IPv6', 'syn 6', 600),
  perSegment('an ACK of no cookie, IPv4', 'ack 4', 400),
  perSegment('an ACK of no cookie, IPv6', 'ack 6', 600),
  {
    what: 'heap growth per segment of a flood, bytes',
    bound: 'at most',
    wanted: 0.05,
    measure: ({ synProxy }) => synProxy && worstMedian(Object.values(synProxy.heapGrowth)) / 1e6,
  },
  {
    what: 'clients that fail in the paced flood, parts',
    bound: 'at most',
    wanted: 0,
    measure: ({ synProxy }) => synProxy?.flood.toakit?.failedPaced.max,
  },
  {
    what: 'Gbit/s with SYN proxy by those without, the worse way',
    bound: 'at least',
    wanted: 0.9,
    measure: ({ synProxy }) => {
      if (synProxy === undefined) return undefined;
      const { plain, proxied } = synProxy.throughput;
      const ratio = (way: Direction) => proxied[way].median / plain[way].median;
      return Math.min(ratio('upload'), ratio('download'));
    },
  },
  {
    what: 'random ACKs beyond Poisson limits (1e-6)',
    bound: 'at most',
    wanted: 0,
    measure: ({ synProxy }) => {
      if (synProxy === undefined) return undefined;
      const { passed, expected } = synProxy.randomAcks;
      const [least, most] = poissonLimits(expected, 1e-6);
      return Math.max(0, least - passed, passed - most);
    },
  },
];

function worstMedian(summaries: readonly Summary[]): number {
  return Math.max(...summaries.map(({ median }) => median));
}

/** What the core takes for a segment of a flood. */
function perSegment(what: string, name: Case, wanted: number): Aim {
  return {
    what: `process() with ${what}, ns`,
    bound: 'at most',
    wanted,
    measure: ({ synProxy }) => synProxy?.nanoseconds[name].median,
  };
}

/** Our median of a figure by another peer's. */
function ratio(figure: Figure, peer: string): Pick<Aim, 'what' | 'measure'> {
  return {
    what: `${figure} by ${peer === 'ceiling' ? 'the ceiling' : peer}'s`,
    measure({ balancer }) {
      const ours = balancer?.toakit?.[figure]?.median;
      const theirs = balancer?.[peer]?.[figure]?.median;
      return ours === undefined || theirs === undefined ? undefined : ours / theirs;
    },
  };
}

/** The targets that these results say something about. */
export function judge(results: Results): Target[] {
  return aims.flatMap(({ measure, ...aim }) => {
    const measured = measure(results);
    if (measured === undefined) return [];
    return [
      { ...aim, measured, met: aim.bound === 'at least' ? measured >= aim.wanted : measured <= aim.wanted },
    ];
  });
}
