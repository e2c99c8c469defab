import { progress } from './progress.js';

/**
 * Measures every peer once per round, round after round, so that a drift of the machine hits all peers alike.
 * Returns the samples of each peer in the order of the rounds.
 */
export async function interleave<Peer extends { name: string }, Sample>(
  peers: readonly Peer[],
  rounds: number,
  measure: (peer: Peer) => Promise<Sample> | Sample,
): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>(peers.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const peer of peers) {
      progress(`round ${round}/${rounds} ${peer.name}`);
      samples.get(peer.name)?.push(await measure(peer));
    }
  }
  return samples;
}
