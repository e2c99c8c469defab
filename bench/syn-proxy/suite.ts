import { fileURLToPath } from 'node:url';
import { Laboratory } from '../balancer/laboratory.js';
import { type Direction, gbitPerSecond } from '../balancer/loads/throughput.js';
import { startToakit } from '../balancer/peers/toakit.js';
import type { CaseSample } from '../core/measure.js';
import { progress } from '../support/progress.js';
import { interleave } from '../support/rounds.js';
import { sampleOf } from '../support/sample-of.js';
import { type Summary, summarize, summarizeRounds } from '../support/statistics.js';
import { type FloodSample, measureFlood } from './flood.js';
import { listener } from './peers/listener.js';
import { nftables } from './peers/nftables.js';
import type { SynProxyPeer } from './peers/peer.js';
import { toakit } from './peers/toakit.js';

const caseProgram = fileURLToPath(new URL('case.js', import.meta.url));
const randomAcksProgram = fileURLToPath(new URL('random-acks.js', import.meta.url));

/** Sound data × the minutes that a cookie is good for, of all acknowledgment numbers: see lib/balancer/syn-proxy. */
const CHANCE = (600 * 4) / 2 ** 32;

/** Of each process that counts those that pass. */
const RANDOM_ACKS = 5_000_000;

export interface SynProxyResults {
  rounds: number;
  /** `process` with a SYN that is answered, and with an ACK that has no cookie, in nanoseconds, */
  nanoseconds: Record<Case, Summary>;
  /** and bytes that the heap has grown by over a million of them. */
  heapGrowth: Record<Case, Summary>;
  /** By peer. */
  flood: Record<string, Record<keyof FloodSample, Summary>>;
  /** Gbit/s of one stream through toakit each way, without SYN proxy and with it. */
  throughput: Record<keyof typeof services, Record<Direction, Summary>>;
  /** Random ACKs, those that were taken for good ones, and how many that would be on average. */
  randomAcks: { sent: number; passed: number; expected: number };
}

const cases = ['syn 4', 'syn 6', 'ack 4', 'ack 6'] as const;
export type Case = (typeof cases)[number];

export const synProxyPeers: readonly SynProxyPeer[] = [toakit, nftables, listener];

const services = { plain: {}, proxied: { synProxy: {} } } as const;

/** Measures the SYN proxy, in namespaces and by itself; each load lasts `seconds` in each round. */
export async function benchSynProxy(rounds: number, seconds: number): Promise<SynProxyResults> {
  const figures = await benchCases(rounds);
  const flood = await benchFloods(rounds, seconds);
  return {
    rounds,
    ...figures,
    flood,
    throughput: await benchThroughput(rounds, seconds),
    randomAcks: countRandomAcks(Math.min(2 * rounds * seconds, 20)),
  };
}

async function benchCases(rounds: number): Promise<Pick<SynProxyResults, 'nanoseconds' | 'heapGrowth'>> {
  const samples = await interleave(
    cases.map((name) => ({ name })),
    rounds,
    ({ name }) => sampleOf<CaseSample>(caseProgram, ...name.split(' ')),
  );
  const of = (figure: keyof CaseSample) =>
    Object.fromEntries(
      cases.map((name) => [name, summarize(samples.get(name)!.map((sample) => sample[figure]))]),
    ) as Record<Case, Summary>;
  return { nanoseconds: of('nanoseconds'), heapGrowth: of('heapGrowth') };
}

/** Every peer in a round meets the same flood: half of what ours answered in it. */
async function benchFloods(rounds: number, seconds: number): Promise<SynProxyResults['flood']> {
  let perSecond = 0;
  const samples = await interleave(synProxyPeers, rounds, (peer) =>
    measureFlood(peer, seconds, (synAcksPerSecond) => {
      if (peer === toakit) perSecond = synAcksPerSecond / 2;
      return perSecond;
    }),
  );
  return Object.fromEntries(
    [...samples].map(([name, taken]) => [name, summarizeRounds(taken)]),
  ) as SynProxyResults['flood'];
}

async function benchThroughput(rounds: number, seconds: number): Promise<SynProxyResults['throughput']> {
  const kinds = Object.entries(services).map(([name, service]) => ({ name, service }));
  const samples = await interleave(kinds, rounds, async ({ service }) => {
    const laboratory = new Laboratory();
    try {
      await startToakit(laboratory, service);
      await laboratory.ready();
      return {
        upload: await gbitPerSecond(laboratory, seconds, 'upload'),
        download: await gbitPerSecond(laboratory, seconds, 'download'),
      };
    } finally {
      laboratory.close();
    }
  });
  return {
    plain: summarizeRounds(samples.get('plain')!),
    proxied: summarizeRounds(samples.get('proxied')!),
  };
}

/** In so many processes one after another, each with numbers of its own, which are the same in every run. */
function countRandomAcks(processes: number): SynProxyResults['randomAcks'] {
  let passed = 0;
  for (let seed = 1; seed <= processes; seed++) {
    progress(`random ACKs, ${seed}/${processes}`);
    passed += sampleOf<{ passed: number }>(randomAcksProgram, RANDOM_ACKS, seed).passed;
  }
  const sent = processes * RANDOM_ACKS;
  return { sent, passed, expected: sent * CHANCE };
}
