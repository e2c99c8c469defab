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
/** Before new connections: until those of toakit end as fast as they begin, seven seconds after (FULLNAT's TIME_WAIT). */
const CONNECTIONS_WARM_UP_SECONDS = 8;

export type Figure = 'connectionsPerSecond' | 'gbitPerSecond' | 'packetsPerSecond' | 'p50' | 'p99';

/** Figures of one peer; what it cannot do is absent. Latencies are in microseconds. */
export type PeerResults = Partial<Record<Figure, Summary>>;
export type BalancerResults = Record<string, PeerResults>;

export const peers: readonly Peer[] = [toakit, nftables, haproxy, routing, ceiling, forwarder];

/**
 * Measures every peer in `rounds` interleaved rounds, each load for `seconds`.
 * @param hasty for a try: new connections have no longer to settle than the other loads
 */
export async function benchBalancer(
  rounds: number,
  seconds: number,
  hasty: boolean,
): Promise<BalancerResults> {
  const settling = hasty ? WARM_UP_SECONDS : CONNECTIONS_WARM_UP_SECONDS;
  const samples = await interleave(peers, rounds, (peer) => measure(peer, seconds, settling));
  return Object.fromEntries([...samples].map(([name, taken]) => [name, summarizeRounds(taken)]));
}

async function measure(
  peer: Peer,
  seconds: number,
  settling: number,
): Promise<Partial<Record<Figure, number>>> {
  const laboratory = new Laboratory();
  const warm = async <T>(
    load: (laboratory: Laboratory, seconds: number) => Promise<T>,
    before = WARM_UP_SECONDS,
  ): Promise<T> => {
    await load(laboratory, before);
    return load(laboratory, seconds);
  };
  try {
    await peer.start(laboratory);
    await laboratory.ready();
    const sample = {
      connectionsPerSecond: await warm(connectionsPerSecond, settling),
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
