import type { Endpoint } from '../net/address.js';
import { ACK, FIN, RST, SYN } from '../net/tcp.js';
import { acceptFormats, type FormatSet } from '../toa/index.js';
import { Connection, type ObservedConnection, type SegmentRole } from './connection.js';
import { ConnectionTable } from './connection-table.js';
import { endpointOf, type Reading, readHeader } from './reading.js';
import { Segment } from './segment.js';
import { Counts, type ObserverStatistics } from './statistics.js';

/** Connections followed at once, unless told otherwise. Each takes about a kilobyte. */
export const DEFAULT_MAX_CONNECTIONS = 65_536;

/**
 * How long a connection may take until it is judged by what was seen, in microseconds. Linux repeats an unanswered SYN after
 * one and after three seconds; most clients send their data at once.
 */
export const PATIENCE = 5_000_000;

/** Bytes ahead of what is expected that are still this connection's: further away are segments of an older one of the same ports. */
const WINDOW = 1 << 20;

export interface ObserverOptions {
  /** Called once for each connection, when there is nothing more to learn about it. */
  readonly onConnection: (connection: ObservedConnection) => void;
  /** The formats to look for; by default all that can be told apart. */
  readonly formats?: FormatSet;
  /** Who may say who the client is; without it, nobody is called trusted or untrusted. */
  readonly trust?: (peer: Endpoint) => boolean;
  /** Which connections to follow: by default all. */
  readonly follow?: (peer: Endpoint, server: Endpoint) => boolean;
  /** The ports of servers to follow; by default all. */
  readonly ports?: ReadonlySet<number>;
  /** From 1 on. When there are more, the oldest are judged by what was seen, and those cut short are counted. */
  readonly maxConnections?: number;
}

/** A segment that could carry the option, and what was in it. */
export interface Sighting {
  readonly role: SegmentRole;
  readonly reading: Reading;
  readonly trusted: boolean | undefined;
}

/**
 * Follows TCP connections in captured packets, passively: from the SYN to the client's first data, and says of each who the
 * client is and what is odd. Connections whose SYN was not seen are not followed. Has no clock: time is the packets'.
 */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #formats: FormatSet;
  readonly #table: ConnectionTable;
  readonly #segment = new Segment();
  readonly #counts = new Counts();
  #now = 0;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#formats = options.formats ?? acceptFormats('all');
    this.#table = new ConnectionTable(options.maxConnections ?? DEFAULT_MAX_CONNECTIONS);
  }

  /**
   * Takes the packet in `[start, end)` of `bytes`, which it does not keep; `linkType` is one of LinkType, `time` in
   * microseconds since 1970. Answers what was read, where it is a segment that can carry the option.
   */
  packet(
    bytes: Uint8Array,
    start: number,
    end: number,
    linkType: number,
    time: number,
  ): Sighting | undefined {
    this.advance(time);
    this.#counts.packets++;
    const segment = this.#segment;
    const skipped = segment.locate(bytes, start, end, linkType);
    if (skipped !== undefined) {
      this.#counts.skip(skipped);
      return undefined;
    }
    const { flags } = segment;
    if ((flags & (SYN | ACK | RST)) === SYN) return this.#begin(segment, time);
    const { ports } = this.#options;
    if (ports && !ports.has(segment.sourcePort) && !ports.has(segment.destinationPort)) return undefined;
    const source = sourceKey(segment);
    const connection = this.#table.find(pairKey(source, destinationKey(segment)));
    if (!connection || connection.settled) return undefined;
    if (connection.peerKey === source) return this.#fromPeer(connection, segment, flags);
    this.#fromServer(connection, segment, flags);
    return undefined;
  }

  /** Lets time pass without a packet, to `time` in microseconds since 1970: connections that took too long are judged. */
  advance(time: number): void {
    if (time <= this.#now) return;
    this.#now = time;
    this.#settleSince(time - PATIENCE);
  }

  /** No more packets come: what is still followed is judged by what was seen. */
  finish(): void {
    this.#settleSince(Number.POSITIVE_INFINITY);
  }

  statistics(): ObserverStatistics {
    return this.#counts.snapshot();
  }

  #begin(segment: Segment, time: number): Sighting | undefined {
    const { ports, follow } = this.#options;
    if (ports && !ports.has(segment.destinationPort)) return undefined;
    const peerKey = sourceKey(segment);
    const key = pairKey(peerKey, destinationKey(segment));
    const known = this.#table.find(key);
    if (known?.peerKey === peerKey && known.sequence === segment.sequence) {
      return known.settled ? undefined : this.#read(known, 'syn', segment);
    }
    const peer = endpointOf(segment, 'source');
    const server = endpointOf(segment, 'destination');
    if (follow && !follow(peer, server)) return undefined;
    if (known && !known.settled) this.#settle(known, false);
    const { sequence, dataLength } = segment;
    const connection = new Connection({ time, peer, peerKey, server, sequence, synData: dataLength });
    this.#counts.connections++;
    const evicted = this.#table.add(key, connection);
    if (evicted && !evicted.settled) {
      this.#counts.evicted++;
      this.#settle(evicted, false);
    }
    return this.#read(connection, 'syn', segment);
  }

  #fromPeer(connection: Connection, segment: Segment, flags: number): Sighting | undefined {
    const { dataLength } = segment;
    // How far behind the SYN's number, which counts for one (RFC 9293, 3.4), this segment begins.
    const progress = (segment.sequence - connection.sequence - 1) | 0;
    const follows = progress === 0 || progress === connection.synData;
    if ((flags & RST) !== 0) {
      if (follows) this.#settle(connection, true);
      return undefined;
    }
    if ((flags & ACK) === 0 || progress < 0 || progress > WINDOW) return undefined;
    connection.outcome = 'established';
    if (!follows) {
      // Behind the first data, which was lost, or comes too late.
      this.#settle(connection, false);
      return undefined;
    }
    const sighting = this.#read(connection, dataLength > 0 ? 'data' : 'ack', segment);
    if (dataLength > 0 || (flags & FIN) !== 0) this.#settle(connection, true);
    return sighting;
  }

  #fromServer(connection: Connection, segment: Segment, flags: number): void {
    const acknowledged = (segment.acknowledgment - connection.sequence - 1) | 0;
    const answers = (flags & ACK) !== 0 && acknowledged >= 0 && acknowledged <= WINDOW;
    if ((flags & RST) !== 0) {
      // A RST has one of the two numbers right (RFC 9293, 3.10.7), or is for an older connection.
      if (!answers && segment.sequence !== connection.serverNext) return;
      if (connection.outcome !== 'established') connection.outcome = 'refused';
      this.#settle(connection, true);
    } else if ((flags & SYN) !== 0 && answers) {
      connection.serverNext = (segment.sequence + 1) | 0;
      if (connection.outcome === 'unanswered') connection.outcome = 'half-open';
    }
  }

  #read(connection: Connection, role: SegmentRole, segment: Segment): Sighting {
    const { header, captured, headerLength } = segment;
    const reading = readHeader(header, this.#formats, captured < headerLength);
    connection.note(role, reading);
    return { role, reading, trusted: this.#options.trust?.(connection.peer) };
  }

  #settleSince(time: number): void {
    let waiting: Connection | undefined;
    do {
      waiting = this.#table.waitingSince(time);
      if (waiting) this.#settle(waiting, false);
    } while (waiting);
  }

  #settle(connection: Connection, complete: boolean): void {
    connection.settled = true;
    const observed = connection.describe(this.#options.trust?.(connection.peer), complete);
    this.#counts.settle(observed);
    this.#options.onConnection(observed);
  }
}

/** The same for both directions. */
function pairKey(source: string, destination: string): string {
  return source < destination ? source + destination : destination + source;
}

const sourceKey = (segment: Segment) => endKey(segment, segment.source, segment.sourcePort);
const destinationKey = (segment: Segment) => endKey(segment, segment.destination, segment.destinationPort);

/** Address and port, one code unit for two bytes. */
function endKey({ bytes, family }: Segment, at: number, port: number): string {
  const word = (index: number) => (bytes[at + 2 * index]! << 8) | bytes[at + 2 * index + 1]!;
  if (family === 4) return String.fromCharCode(word(0), word(1), port);
  return String.fromCharCode(word(0), word(1), word(2), word(3), word(4), word(5), word(6), word(7), port);
}
