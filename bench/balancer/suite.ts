import { progress } from '../support/progress.js';
import { interleave } from '../support/rounds.js';
import { type Summary, summarizeRounds } from '../support/statistics.js';
import { Laboratory } from './laboratory.js';
import { connectionsPerSecond } from './loads/connections.js';
import { latency } from './loads/latency.js';
import { packetsPerSecond } from './loads/packets.js';
import { gbitPerSecond } from './loads/throughput.js';
import { ceiling } from './peers/ceiling.js';
import { forwarder } from './peers/forwarder.js';
import { haproxy } from './peers/haproxy.js';
import { nftables } from './peers/nftables.js';
import type { Peer } from './peers/peer.js';
import { routing } from './peers/routing.js';
import { toakit } from './peers/toakit.js';

/** Before each load, with the same: until the compiler is done with the path that it takes, and every cache is filled. */
const WARM_UP_SECONDS = 1;

export type Figure = 'connectionsPerSecond' | 'gbitPerSecond' | 'packetsPerSecond' | 'p50' | 'p99';

/** Figures of one peer; what it cannot do is absent. Latencies are in microseconds. */
export type PeerResults = Partial<Record<Figure, Summary>>;
export type BalancerResults = Record<string, PeerResults>;

export const peers: readonly Peer[] = [toakit, nftables, haproxy, routing, ceiling, forwarder];

/** Measures every peer in `rounds` interleaved rounds, each load for `seconds`. */
export async function benchBalancer(rounds: number, seconds: number): Promise<BalancerResults> {
  const samples = await interleave(peers, rounds, (peer) => measure(peer, seconds));
  return Object.fromEntries([...samples].map(([name, taken]) => [name, summarizeRounds(taken)]));
}

async function measure(peer: Peer, seconds: number): Promise<Partial<Record<Figure, number>>> {
  const laboratory = new Laboratory();
  const warm = async <T>(load: (laboratory: Laboratory, seconds: number) => Promise<T>): Promise<T> => {
    await load(laboratory, WARM_UP_SECONDS);
    return load(laboratory, seconds);
  };
  try {
    await peer.start(laboratory);
    await laboratory.ready();
    const sample = {
      connectionsPerSecond: await warm(connectionsPerSecond),
      gbitPerSecond: await warm(gbitPerSecond),
      ...(peer.perPacket && { packetsPerSecond: await warm(packetsPerSecond) }),
      // Last: by now the first load's connections have expired, by code that was never run before.
      ...(await warm(latency)),
    };
    laboratory.assertAlive();
    const figures = Object.entries(sample).map(([figure, value]) => `${figure} ${value.toFixed(1)}`);
    progress(`  ${figures.join(', ')}`);
    return sample;
  } finally {
    laboratory.close();
  }
}
