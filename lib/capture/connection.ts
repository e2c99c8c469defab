import type { Endpoint } from '../net/address.js';
import type { FormatId } from '../toa/index.js';
import { type Reading, type SegmentOddity, sameClient } from './reading.js';

/** The segments of a client that can carry the option: its SYN, the ACK that ends the handshake, its first data. */
export type SegmentRole = 'syn' | 'ack' | 'data';

export const segmentRoles: readonly SegmentRole[] = ['syn', 'ack', 'data'];

/**
 * What is odd about a connection:
 * - `no-toa`: established, from a peer that is not known to be no balancer, and nothing named a client;
 * - `malformed`: an option that is broken, or names a client that cannot be;
 * - `duplicate`: a segment with the same format twice;
 * - `several-formats`: options in more than one format, in one segment or over the connection;
 * - `forged`: a client is named by a peer that is not trusted, or two options name different ones;
 * - `only-on-data`: neither SYN nor ACK had it, so whoever reads when the handshake ends misses it;
 * - `port-like-exid`: kind 253 or 254, and the client's port reads like the ExID of another user of these kinds.
 */
export type Oddity = 'no-toa' | 'only-on-data' | SegmentOddity;

export const oddities: readonly Oddity[] = [
  'no-toa',
  'malformed',
  'duplicate',
  'several-formats',
  'forged',
  'only-on-data',
  'port-like-exid',
];

/** How far the handshake came: the SYN alone, a SYN/ACK, a refusal (RST) instead of it, or all of it. */
export type Outcome = 'unanswered' | 'half-open' | 'refused' | 'established';

/** One connection, as it was seen on the wire. */
export interface ObservedConnection {
  /** When its first SYN was seen, in microseconds since 1970. */
  readonly time: number;
  /** Who opened it: the balancer's local address, or a client that came directly. */
  readonly peer: Endpoint;
  readonly server: Endpoint;
  readonly outcome: Outcome;
  /** Whether every segment that can carry the option was seen, or the connection ended; else time or room ran out before. */
  readonly complete: boolean;
  /** What was read in each segment that was seen. */
  readonly readings: Readonly<Partial<Record<SegmentRole, Reading>>>;
  /** The segments that named a client. */
  readonly carriedBy: readonly SegmentRole[];
  /** The client and virtual service, from the ACK if it has them, else from the data, else from the SYN. */
  readonly client: Endpoint | undefined;
  readonly vip: Endpoint | undefined;
  readonly format: FormatId | undefined;
  /** Whether the peer may say who the client is; undefined where nobody said whom to trust. */
  readonly trusted: boolean | undefined;
  readonly oddities: readonly Oddity[];
}

/** What a connection's SYN says. */
export interface Beginning extends Pick<ObservedConnection, 'time' | 'peer' | 'server'> {
  /** The peer's end, as the observer's table names it. */
  readonly peerKey: string;
  /** The peer's initial sequence number, and how much data its SYN had (TCP Fast Open). */
  readonly sequence: number;
  readonly synData: number;
}

/** A connection that is being followed. */
export class Connection implements Beginning {
  readonly time: number;
  readonly peer: Endpoint;
  readonly server: Endpoint;
  readonly peerKey: string;
  readonly sequence: number;
  readonly synData: number;
  readonly readings: Partial<Record<SegmentRole, Reading>> = {};
  outcome: Outcome = 'unanswered';
  /** The sequence number behind the server's SYN, once that was seen. */
  serverNext: number | undefined;
  settled = false;

  constructor({ time, peer, server, peerKey, sequence, synData }: Beginning) {
    this.time = time;
    this.peer = peer;
    this.server = server;
    this.peerKey = peerKey;
    this.sequence = sequence;
    this.synData = synData;
  }

  /** Notes what a segment said. Of several in one role, retransmitted, the first that names a client counts. */
  note(role: SegmentRole, reading: Reading): void {
    const earlier = this.readings[role];
    if (!earlier || (!earlier.client && reading.client)) this.readings[role] = reading;
  }

  /** What is known by now. */
  describe(trusted: boolean | undefined, complete: boolean): ObservedConnection {
    const { time, peer, server, outcome, readings } = this;
    const carriedBy = segmentRoles.filter((role) => readings[role]?.client !== undefined);
    const best = readings[byWord.find((role) => carriedBy.includes(role)) ?? 'syn'];
    return {
      time,
      peer,
      server,
      outcome,
      complete,
      readings,
      carriedBy,
      client: best?.client,
      vip: best?.record?.vip,
      format: best?.record?.format,
      trusted,
      oddities: judge(readings, carriedBy, outcome, trusted),
    };
  }
}

/** A client can write an option into its SYN that a balancer lets pass (DPVS from 1.9.6), so the SYN's word counts least. */
const byWord: readonly SegmentRole[] = ['ack', 'data', 'syn'];

function judge(
  readings: Partial<Record<SegmentRole, Reading>>,
  carriedBy: readonly SegmentRole[],
  outcome: Outcome,
  trusted: boolean | undefined,
): Oddity[] {
  const all = segmentRoles.flatMap((role) => readings[role] ?? []);
  const found = new Set<Oddity>(all.flatMap((reading) => reading.oddities));
  const carriers = carriedBy.map((role) => readings[role]!);
  const [first] = carriers;
  if (!first) {
    if (outcome === 'established' && trusted !== false && !found.has('malformed')) found.add('no-toa');
  } else {
    if (carriedBy[0] === 'data') found.add('only-on-data');
    if (carriers.some(({ record }) => record!.format !== first.record!.format)) found.add('several-formats');
    if (trusted === false || carriers.some(({ client }) => !sameClient(client, first.client)))
      found.add('forged');
  }
  return oddities.filter((oddity) => found.has(oddity));
}
