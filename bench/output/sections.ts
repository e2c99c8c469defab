import type { BalancerResults, Figure } from '../balancer/suite.js';
import type { CoreResults } from '../core/suite.js';
import { WAY_NAMES, WAYS } from '../core/ways.js';
import type { ReceiverResults } from '../receiver/suite.js';
import type { Results } from '../results.js';
import type { Machine } from '../support/machine.js';
import type { Summary } from '../support/statistics.js';
import type { FloodSample } from '../syn-proxy/flood.js';
import type { SynProxyResults } from '../syn-proxy/suite.js';
import { judge, type Target } from '../targets.js';
import type { WatchResults } from '../watch/suite.js';

/** A table for people, with what to know about it. The first row is the head. */
export interface Section {
  title: string;
  rows: string[][];
}

/** The results as tables: one for each suite that was run, and one of the targets. */
export function sections(results: Results): Section[] {
  const { balancer, core, receiver, watch, synProxy } = results;
  const targets = judge(results);
  return [
    ...(balancer ? [balancerSection(balancer)] : []),
    ...(core ? [coreSection(core), heapSection(core), tableSection(core)] : []),
    ...(receiver ? [receiverSection(receiver)] : []),
    ...(watch ? [watchSection(watch)] : []),
    ...(synProxy ? [segmentSection(synProxy), floodSection(synProxy)] : []),
    ...(targets.length > 0 ? [targetSection(targets)] : []),
  ];
}

/** What tells one machine's figures from another's. */
export function machineName({ cpu, cores }: Machine): string {
  return `${cpu}, ${cores} cores`;
}

/** What the figures were taken on and how, in lines: the machine's name first. */
export function circumstances({ machine, date, rounds, seconds, synProxy }: Results): string[] {
  const tools = Object.entries(machine.tools).map(([name, version]) => `${name} ${version}`);
  const differs = synProxy !== undefined && synProxy.rounds !== rounds;
  const ofSynProxy = differs ? ` (SYN proxy: ${synProxy.rounds})` : '';
  return [
    machineName(machine),
    `${machine.memoryGiB} GiB; ${machine.kernel}; Node ${machine.node}; ${tools.join(', ')}`,
    `${date}: medians of ${rounds} rounds of ${seconds} s${ofSynProxy}, least and greatest in brackets`,
  ];
}

const columns: readonly { figure: Figure; head: string; digits: number }[] = [
  { figure: 'connectionsPerSecond', head: 'connections/s', digits: 0 },
  { figure: 'gbitPerSecond', head: 'Gbit/s', digits: 1 },
  { figure: 'packetsPerSecond', head: '64-byte packets/s', digits: 0 },
  { figure: 'p50', head: 'p50 µs', digits: 0 },
  { figure: 'p99', head: 'p99 µs', digits: 0 },
];

function balancerSection(balancer: BalancerResults): Section {
  const rows = Object.entries(balancer).map(([name, figures]) => [
    name,
    ...columns.map(({ figure, digits }) => withSpread(figures[figure], digits)),
  ]);
  return {
    title: 'Balancer: client, balancer and server in namespaces',
    rows: [['peer', ...columns.map(({ head }) => head)], ...rows],
  };
}

function coreSection(core: CoreResults): Section {
  const { fullnat, dualStack, naive } = core;
  const sizes = Object.keys(fullnat);
  const row = (name: string, summaries: Record<string, Summary>) => rowOf(name, summaries, sizes, 1);
  return {
    title: 'Core: nanoseconds per packet of process(), no I/O',
    rows: [
      ['connections', ...sizes],
      ...WAY_NAMES.map((name) => row(WAYS[name].what, core[name])),
      row('FULLNAT, both in one process', dualStack),
      row('naive: strings and a Map, IPv4', naive),
    ],
  };
}

function heapSection({ fullnat, heapGrowth }: CoreResults): Section {
  const sizes = Object.keys(fullnat);
  return {
    title: 'Core: bytes that the heap grows by over a million packets',
    rows: [
      ['connections', ...sizes],
      ...WAY_NAMES.map((name) => rowOf(WAYS[name].what, heapGrowth[name], sizes, 0)),
    ],
  };
}

function rowOf(
  name: string,
  summaries: Record<string, Summary>,
  sizes: readonly string[],
  digits: number,
): string[] {
  return [name, ...sizes.map((size) => withSpread(summaries[size], digits))];
}

function tableSection({ table }: CoreResults): Section {
  const sizes = Object.keys(table.opening);
  const row = (name: string, summaries: Record<string, Summary>) => rowOf(name, summaries, sizes, 0);
  return {
    title: 'Core: a connection of FULLNAT, IPv4, in a table of so many',
    rows: [
      ['connections', ...sizes],
      row('opening, ns', table.opening),
      row('a packet of one of them, ns', table.finding),
      row('expiring, ns', table.expiring),
      row('memory, bytes', table.memory),
    ],
  };
}

function receiverSection({ connectionsPerSecond, calls }: ReceiverResults): Section {
  return {
    title: 'Receiver: a Node http server on loopback',
    rows: [
      ['', 'median'],
      ['connections/s without attach()', withSpread(connectionsPerSecond.plain, 0)],
      ['connections/s with attach()', withSpread(connectionsPerSecond.attached, 0)],
      ['getClientAddress, ns', withSpread(calls.getClientAddress, 1)],
      ['attach(), per connection without the option, ns', withSpread(calls.recover, 0)],
      ['for comparison: first remoteAddress, ns', withSpread(calls.remoteAddress, 0)],
    ],
  };
}

function watchSection({ offered, lost, cpu }: WatchResults): Section {
  return {
    title: 'toa watch: small packets over a veth cable, a connection in ten',
    rows: [
      ['', 'median'],
      ['packets/s offered', withSpread(offered, 0)],
      [
        'lost, of a million',
        withSpread(
          mapSummary(lost, (part) => part * 1e6),
          0,
        ),
      ],
      ['processor time per packet, µs', withSpread(cpu, 1)],
    ],
  };
}

function segmentSection({ nanoseconds, heapGrowth, throughput, randomAcks }: SynProxyResults): Section {
  const { sent, passed, expected } = randomAcks;
  return {
    title: 'SYN proxy: what it costs',
    rows: [
      ['', 'median'],
      ['process() with a SYN, IPv4, ns', withSpread(nanoseconds['syn 4'], 0)],
      ['process() with a SYN, IPv6, ns', withSpread(nanoseconds['syn 6'], 0)],
      ['process() with an ACK of no cookie, IPv4, ns', withSpread(nanoseconds['ack 4'], 0)],
      ['process() with an ACK of no cookie, IPv6, ns', withSpread(nanoseconds['ack 6'], 0)],
      ['bytes the heap grows by over a million SYNs, IPv4', withSpread(heapGrowth['syn 4'], 0)],
      [`random ACKs that pass of ${grouped(sent)}`, `${passed}, expected ${expected.toFixed(1)}`],
      ['Gbit/s of a stream to the server, in namespaces', withSpread(throughput.proxied.upload, 1)],
      ['the same without SYN proxy', withSpread(throughput.plain.upload, 1)],
      ['Gbit/s of a stream to the client', withSpread(throughput.proxied.download, 1)],
      ['the same without SYN proxy', withSpread(throughput.plain.download, 1)],
    ],
  };
}

const floodRows: readonly { figure: keyof FloodSample; what: string; digits: number; percent?: true }[] = [
  { figure: 'synAcksPerSecond', what: 'SYN-ACKs/s', digits: 0 },
  { figure: 'unanswered', what: 'SYNs unanswered, %', digits: 0, percent: true },
  { figure: 'p99Quiet', what: 'p99 without a flood, ms', digits: 1 },
  { figure: 'p99Paced', what: 'p99 in the paced flood, ms', digits: 1 },
  { figure: 'failedPaced', what: 'clients that failed in it, %', digits: 1, percent: true },
  { figure: 'p99Unpaced', what: 'p99 in the unpaced flood, ms', digits: 1 },
  { figure: 'failedUnpaced', what: 'clients that failed in it, %', digits: 1, percent: true },
  { figure: 'droppedUnpaced', what: 'dropped by the kernel in it, %', digits: 0, percent: true },
];

function floodSection({ flood }: SynProxyResults): Section {
  const rows = floodRows.map(({ figure, what, digits, percent }) => [
    what,
    ...Object.values(flood).map((figures) =>
      withSpread(
        mapSummary(figures[figure], (value) => value * (percent ? 100 : 1)),
        digits,
      ),
    ),
  ]);
  return {
    title: 'SYN flood: 50 clients between spoofed SYNs and random ACKs, in namespaces',
    rows: [['', ...Object.keys(flood)], ...rows],
  };
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

function mapSummary({ median, min, max }: Summary, map: (value: number) => number): Summary {
  return { median: map(median), min: map(min), max: map(max) };
}

function targetSection(targets: readonly Target[]): Section {
  const rows = targets.map(({ what, bound, wanted, measured, met }) => [
    what,
    `${bound} ${wanted}`,
    measured.toFixed(measured < 10 ? 2 : 0),
    met ? 'met' : 'missed',
  ]);
  return { title: 'Targets', rows: [['of toakit', 'wanted', 'measured', ''], ...rows] };
}

function withSpread(summary: Summary | undefined, digits: number): string {
  if (summary === undefined) return '–';
  const [median, min, max] = [summary.median, summary.min, summary.max].map((value) =>
    value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits }),
  );
  return min === max ? median! : `${median} (${min}–${max})`;
}
