import { SYN_ACK } from '../../net/tcp.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Frame } from '../frame.js';
import type { InitialSequence } from './initial-sequence.js';
import { proxyHeaderLength } from './proxy-header.js';
import {
  CLIENT_SYN_END,
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
    const initial = shared ? this.#initialSequence.of(this.#words, base + SERVER, now) : clientSequence;
    this.#set(base, clientSequence, initial);
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
    this.#noteSyn(base, frame);
    this.#countReuse(before);
  }

  /**
   * A client's SYN goes on in the numbers of a connection that may be open for the real server: that is to judge (RFC
   * 5961 4), and until it has answered nothing changes.
   */
  onLaterSyn(base: number, frame: Frame): void {
    if (frame.sequence !== this.clientInitial(base)) this.#noteSyn(base, frame);
  }

  /** Whether a real server's packet is the SYN-ACK of its client's last SYN, if that was no part of the first handshake. */
  answersLaterSyn(base: number, { tcpFlags, acknowledgment }: Frame): boolean {
    const words = this.#words;
    const sent = (words[base + CLIENT_SYN_END]! - this.clientInitial(base)) | 0;
    const acknowledged = (acknowledgment - words[base + INITIAL_SEQUENCE]!) | 0;
    return (tcpFlags & SYN_ACK) === SYN_ACK && sent !== 0 && acknowledged === sent;
  }

  /**
   * A real server's SYN. One that answers a SYN of another number than the connection's tells that this is nothing to
   * either end any more: another begins, with the initial sequence number that its SYN went on with.
   * @param before, sendsHeader as of `onClientSyn`
   */
  onServerSyn(base: number, frame: Frame, before: number, sendsHeader: boolean): void {
    const words = this.#words;
    const initial = (frame.acknowledgment - 1) | 0;
    if (initial === words[base + INITIAL_SEQUENCE] || !this.answersLaterSyn(base, frame)) return;
    this.forget(base, sendsHeader);
    this.#set(base, (words[base + CLIENT_SYN_END]! - 1) | 0, initial);
    this.#countReuse(before);
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

  #noteSyn(base: number, { sequence }: Frame): void {
    this.#words[base + CLIENT_SYN_END] = (sequence + 1) | 0;
  }

  #countReuse(before: number): void {
    this.#counters.add(COUNTER['connections-reused']);
    this.#counters.add(REUSED_FROM[before]!);
  }

  /** @param clientSequence the initial sequence number of the client's SYN @param initial that which the real server sees */
  #set(base: number, clientSequence: number, initial: number): void {
    const words = this.#words;
    words[base + INITIAL_SEQUENCE] = initial;
    words[base + SEQUENCE_DELTA] = (initial - clientSequence) | 0;
    words[base + CLIENT_SYN_END] = clientSequence;
  }
}
