import { COUNTER, type Counters } from '../counters.js';
import type { Frame } from '../frame.js';
import type { InitialSequence } from './initial-sequence.js';
import { proxyHeaderLength } from './proxy-header.js';
import {
  FLAG_HEADER_DUE,
  FLAG_HEADER_NEAR,
  FLAG_HEADER_PENDING,
  FLAG_HEADER_SENT,
  FLAG_SERVER_SEEN,
  FLAG_SYN_ACK_SEEN,
  INITIAL_SEQUENCE,
  SEQUENCE_DELTA,
  SERVER,
  STATE,
} from './record.js';
import { reuseCounters } from './reuse-counters.js';

const REUSED_FROM = reuseCounters('connections-reused');
const SEEN = FLAG_SYN_ACK_SEEN | FLAG_SERVER_SEEN;
const HEADER = FLAG_HEADER_DUE | FLAG_HEADER_SENT | FLAG_HEADER_PENDING | FLAG_HEADER_NEAR;

/**
 * The initial sequence numbers that real servers see: the clients' own, but in FULLNAT, where those of clients that share
 * a local port grow with time, whatever the clients' own are.
 */
export class SequenceShift {
  readonly #words: Int32Array;
  readonly #initialSequence: InitialSequence;
  readonly #counters: Counters;

  constructor(words: Int32Array, initialSequence: InitialSequence, counters: Counters) {
    this.#words = words;
    this.#initialSequence = initialSequence;
    this.#counters = counters;
  }

  /**
   * A connection begins with the client's initial sequence number.
   * @param shared whether clients share local addresses @param now milliseconds
   */
  begin(base: number, clientSequence: number, shared: boolean, now: number): void {
    const words = this.#words;
    const initial = shared ? this.#initialSequence.of(words, base + SERVER, now) : clientSequence;
    words[base + INITIAL_SEQUENCE] = initial;
    words[base + SEQUENCE_DELTA] = (initial - clientSequence) | 0;
  }

  /**
   * A SYN with another sequence number than the first reuses FULLNAT's connection for a new one: the real server must see
   * an initial sequence number beyond the old ones. A repeated SYN changes nothing.
   * @param before the state that the SYN found it in
   * @param sendsHeader whether a PROXY header goes ahead of the new one: the service may be told otherwise by now
   */
  onClientSyn(base: number, frame: Frame, before: number, sendsHeader: boolean, now: number): void {
    if (frame.sequence === this.clientInitial(base)) return;
    this.forget(base, sendsHeader);
    this.begin(base, frame.sequence, true, now);
    this.#counters.add(COUNTER['connections-reused']);
    this.#counters.add(REUSED_FROM[before]!);
  }

  /** The sequence number of the client's SYN. */
  clientInitial(base: number): number {
    const words = this.#words;
    const header = (words[base + STATE]! & FLAG_HEADER_SENT) === 0 ? 0 : proxyHeaderLength(words, base);
    return (words[base + INITIAL_SEQUENCE]! - words[base + SEQUENCE_DELTA]! + header) | 0;
  }

  /** A connection begins anew: forgets how far the one before it was. */
  forget(base: number, sendsHeader: boolean): void {
    const before = this.#words[base + STATE]!;
    this.#words[base + STATE] = (before & ~(SEEN | HEADER)) | (sendsHeader ? FLAG_HEADER_DUE : 0);
  }
}
