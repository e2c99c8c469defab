import { ACK, RST, SYN } from '../../net/tcp.js';
import type { ConnectionTable } from '../connection/connection-table.js';
import type { Lifecycle } from '../connection/lifecycle.js';
import {
  COOKIE,
  FIRST_DATA_SEQUENCE,
  FLAG_SERVER_SEEN,
  FLAG_SYN_ACK_SEEN,
  FLAG_SYN_PENDING,
  INITIAL_SEQUENCE,
  KEPT,
  OWNER,
  RECORD_WORDS,
  SERVER_SEQUENCE_DELTA,
  STATE,
  STATE_MASK,
} from '../connection/record.js';
import type { SequenceShift } from '../connection/sequence-shift.js';
import { STATE_CLOSE, STATE_ESTABLISHED, STATE_SYN_SENT } from '../connection/state.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Frame } from '../frame.js';
import type { LinkPort } from '../link-port.js';
import { turnIntoReset } from '../reset.js';
import type { Directory } from '../service/directory.js';
import type { VirtualService } from '../service/virtual-service.js';
import { CONSUMED, DROPPED, FORWARD } from '../verdict.js';
import { isAckStorm } from './ack-storm.js';
import { agree } from './agreement.js';
import type { KeptSegments } from './kept-segments.js';
import { stopShifting } from './shift.js';

/**
 * The other end of the balancer's handshakes: what real servers say on connections behind a SYN proxy. With a SYN-ACK
 * the two sides are brought together.
 */
export class ServerAnswers {
  readonly #table: ConnectionTable;
  readonly #lifecycle: Lifecycle;
  readonly #directory: Directory;
  readonly #shift: SequenceShift;
  readonly #kept: KeptSegments;
  readonly #counters: Counters;
  readonly #resume: (frame: Frame) => void;

  /** @param parts.resume takes a client's segment on its way after it has waited; it is a frame of `emitted`'s */
  constructor(parts: {
    table: ConnectionTable;
    lifecycle: Lifecycle;
    directory: Directory;
    shift: SequenceShift;
    keptSegments: KeptSegments;
    counters: Counters;
    resume: (frame: Frame) => void;
  }) {
    this.#table = parts.table;
    this.#lifecycle = parts.lifecycle;
    this.#directory = parts.directory;
    this.#shift = parts.shift;
    this.#kept = parts.keptSegments;
    this.#counters = parts.counters;
    this.#resume = parts.resume;
  }

  /** @returns FORWARD, or as `Balancer.process` */
  process(frame: Frame, link: LinkPort, connection: number, tick: number): number {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    if ((words[base + STATE]! & FLAG_SYN_PENDING) === 0) {
      if ((frame.tcpFlags & SYN) !== 0) return this.#onSyn(frame, base);
      const { ackStormThreshold } = this.#serviceOf(base).synProtection.settings;
      const isStorm = isAckStorm(frame, words, base, ackStormThreshold, tick);
      return isStorm ? this.#drop(COUNTER['drop-syn-proxy-ack-storm']) : FORWARD;
    }
    if (!this.#answersSyn(frame, base)) return this.#refuse(frame, link);
    words[base + STATE]! &= ~FLAG_SYN_PENDING;
    if ((frame.tcpFlags & RST) !== 0) {
      this.#counters.add(COUNTER['syn-proxy-refused']);
      this.#kept.forget(base);
      // So that it comes to the client with the number that it expects.
      words[base + SERVER_SEQUENCE_DELTA] = (words[base + COOKIE]! + 1 - frame.sequence) | 0;
      this.#lifecycle.settle(connection, STATE_CLOSE, tick);
      return FORWARD;
    }
    this.#establish(connection, frame, tick);
    if (words[base + KEPT] === 0) return FORWARD;
    for (let left = this.#kept.count(base); left > 0; left--) {
      const segment = this.#kept.release(base);
      if (segment !== undefined) this.#resume(segment);
    }
    return CONSUMED;
  }

  /**
   * The SYN-ACK of our SYN may come again. One that answers a SYN of the client's takes the connection out of our hands;
   * any other is late, from a connection before or from a real server that answers each SYN with another cookie.
   */
  #onSyn(frame: Frame, base: number): number {
    const { words } = this.#table;
    if (this.#shift.answersLaterSyn(base, frame)) {
      stopShifting(words, base);
      return FORWARD;
    }
    const told = (frame.sequence + words[base + SERVER_SEQUENCE_DELTA]!) | 0;
    return told === words[base + COOKIE] ? FORWARD : this.#drop(COUNTER['drop-syn-proxy-unexpected']);
  }

  /** Whether a real server's segment acknowledges our SYN: with its own SYN, or to refuse it (RFC 9293 3.10.7.3). */
  #answersSyn({ tcpFlags, acknowledgment }: Frame, base: number): boolean {
    const { words } = this.#table;
    if ((words[base + STATE]! & STATE_MASK) !== STATE_SYN_SENT) return false;
    if (acknowledgment !== ((words[base + INITIAL_SEQUENCE]! + 1) | 0)) return false;
    return (tcpFlags & ACK) !== 0 && (tcpFlags & (SYN | RST)) !== 0;
  }

  /**
   * What a real server sends that holds on to a connection before this one is answered with the RST that ends that one
   * (RFC 9293 3.5.2), so that our next SYN finds it free.
   */
  #refuse(frame: Frame, link: LinkPort): number {
    this.#counters.add(COUNTER['drop-syn-proxy-unexpected']);
    if ((frame.tcpFlags & (ACK | RST)) !== ACK) return DROPPED;
    turnIntoReset(frame, link);
    this.#counters.add(COUNTER['answer-reset']);
    return link.index;
  }

  /** The real server's SYN-ACK is there: from now on each side's numbers can be told in the other's. */
  #establish(connection: number, frame: Frame, tick: number): void {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    const service = this.#serviceOf(base);
    this.#counters.add(COUNTER['syn-proxy-established']);
    words[base + SERVER_SEQUENCE_DELTA] = (words[base + COOKIE]! - frame.sequence) | 0;
    words[base + FIRST_DATA_SEQUENCE] = (words[base + COOKIE]! + 1) | 0;
    words[base + STATE]! |= FLAG_SYN_ACK_SEEN | FLAG_SERVER_SEEN;
    agree(frame, words, base, service, this.#counters);
    this.#lifecycle.settle(connection, STATE_ESTABLISHED, tick);
  }

  #serviceOf(base: number): VirtualService {
    return this.#directory.services[this.#table.words[base + OWNER]! >>> 16]!;
  }

  #drop(reason: number): number {
    this.#counters.add(reason);
    return DROPPED;
  }
}
