import type { FormatId } from '../toa/index.js';
import type { ObservedConnection, Oddity, Outcome } from './connection.js';
import type { Refusal } from './reading.js';
import type { SkipReason } from './segment.js';

/** Connections of one peer. */
export interface PeerStatistics {
  readonly address: string;
  readonly connections: number;
  readonly withToa: number;
}

type CountedRefusal = Exclude<Refusal, 'none'> | 'untrusted';

/** What an observer has counted. Absent names stand for zero. */
export interface ObserverStatistics {
  /** Packets that were given, and of them those that are no TCP segment to look at. */
  readonly packets: number;
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  /** Every connection whose SYN was seen; each has one outcome. */
  readonly connections: number;
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  /** Connections that named a client, and established ones that did not. */
  readonly withToa: number;
  readonly withoutToa: number;
  /** Of those without, the ones whose peer is not trusted: no balancer, a client that came directly. */
  readonly direct: number;
  readonly formats: Readonly<Partial<Record<FormatId, number>>>;
  /** By their addresses, the first {@link PEERS} that came; the others in one sum. */
  readonly peers: readonly PeerStatistics[];
  readonly otherPeers: Omit<PeerStatistics, 'address'>;
  /** Segments whose option named no client, by the reason; `untrusted` those that named one in vain. */
  readonly refusals: Readonly<Partial<Record<CountedRefusal, number>>>;
  readonly oddities: Readonly<Partial<Record<Oddity, number>>>;
  /** Connections that were judged early, because others needed their room. */
  readonly evicted: number;
}

/** How many peers are counted by name. Balancers are few; source addresses of a flood are not. */
export const PEERS = 1024;

type Tally<Name extends string> = Partial<Record<Name, number>>;

function count<Name extends string>(tally: Tally<Name>, name: Name): void {
  tally[name] = (tally[name] ?? 0) + 1;
}

/** Adds up what is seen. */
export class Counts {
  packets = 0;
  connections = 0;
  evicted = 0;
  readonly skipped: Tally<SkipReason> = {};
  readonly #outcomes: Tally<Outcome> = {};
  readonly #formats: Tally<FormatId> = {};
  readonly #refusals: Tally<CountedRefusal> = {};
  readonly #oddities: Tally<Oddity> = {};
  readonly #peers = new Map<string, { connections: number; withToa: number }>();
  readonly #otherPeers = { connections: 0, withToa: 0 };
  #withToa = 0;
  #withoutToa = 0;
  #direct = 0;

  skip(reason: SkipReason): void {
    count(this.skipped, reason);
  }

  settle(connection: ObservedConnection): void {
    const { outcome, client, format, trusted, readings, peer } = connection;
    count(this.#outcomes, outcome);
    const ofPeer = this.#peer(peer.address);
    ofPeer.connections++;
    if (client) {
      this.#withToa++;
      ofPeer.withToa++;
      count(this.#formats, format!);
    } else if (outcome === 'established') {
      this.#withoutToa++;
      if (trusted === false) this.#direct++;
    }
    for (const { refusal } of Object.values(readings)) {
      if (refusal === undefined && trusted === false) count(this.#refusals, 'untrusted');
      else if (refusal !== undefined && refusal !== 'none') count(this.#refusals, refusal);
    }
    for (const oddity of connection.oddities) count(this.#oddities, oddity);
  }

  snapshot(): ObserverStatistics {
    return {
      packets: this.packets,
      skipped: { ...this.skipped },
      connections: this.connections,
      outcomes: { ...this.#outcomes },
      withToa: this.#withToa,
      withoutToa: this.#withoutToa,
      direct: this.#direct,
      formats: { ...this.#formats },
      peers: [...this.#peers].map(([address, counts]) => ({ address, ...counts })),
      otherPeers: { ...this.#otherPeers },
      refusals: { ...this.#refusals },
      oddities: { ...this.#oddities },
      evicted: this.evicted,
    };
  }

  #peer(address: string): { connections: number; withToa: number } {
    const known = this.#peers.get(address);
    if (known) return known;
    if (this.#peers.size >= PEERS) return this.#otherPeers;
    const fresh = { connections: 0, withToa: 0 };
    this.#peers.set(address, fresh);
    return fresh;
  }
}
