import { ACK, RST, SYN } from '../../net/tcp.js';
import type { ConnectionTable } from '../connection/connection-table.js';
import type { ExpiryResets } from '../connection/expiry-resets.js';
import { isOpening, type Lifecycle } from '../connection/lifecycle.js';
import type { Opening } from '../connection/opening.js';
import {
  CLIENT_TIMESTAMP,
  COOKIE,
  FLAG_SYN_PENDING,
  FLAG_SYN_PROXY,
  HANDSHAKE,
  INITIAL_SEQUENCE,
  OWNER,
  RECORD_WORDS,
  SEGMENT_MAX,
  SERVER_ACKNOWLEDGED,
  SERVER_END,
  STATE,
  STATE_MASK,
  TIMESTAMP_DELTA,
} from '../connection/record.js';
import { reuseCounters } from '../connection/reuse-counters.js';
import type { SequenceShift } from '../connection/sequence-shift.js';
import { STATE_CLOSE, STATE_SYN_SENT } from '../connection/state.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Frame } from '../frame.js';
import type { LinkPort } from '../link-port.js';
import type { Directory } from '../service/directory.js';
import type { VirtualService } from '../service/virtual-service.js';
import { CONSUMED, DROPPED, FORWARD } from '../verdict.js';
import { hasTimestamp, withoutTimestamp } from './cookie-data.js';
import type { KeptSegments } from './kept-segments.js';
import { RESEND_AFTER, type ServerSyns } from './server-syns.js';
import { findTimestamp, stopShifting } from './shift.js';
import type { SynProxy } from './syn-proxy.js';

const REUSED_FROM = reuseCounters('syn-proxy-reused');
/** No client has sent more before the real server's first answer: the SYN-ACK's window is not scaled. */
const UNANSWERED_MAX = 0xffff;

/**
 * The second half of what a SYN proxy does: once a client's ACK has brought its cookie back, the balancer shakes hands
 * with a real server in the client's place, and keeps what the client sends meanwhile. `ServerAnswers` is the other end.
 */
export class Handshakes {
  readonly #table: ConnectionTable;
  readonly #synProxy: SynProxy;
  readonly #opening: Opening;
  readonly #lifecycle: Lifecycle;
  readonly #directory: Directory;
  readonly #shift: SequenceShift;
  readonly #syns: ServerSyns;
  readonly #kept: KeptSegments;
  readonly #resets: ExpiryResets;
  readonly #counters: Counters;

  constructor(parts: {
    table: ConnectionTable;
    synProxy: SynProxy;
    opening: Opening;
    lifecycle: Lifecycle;
    directory: Directory;
    shift: SequenceShift;
    serverSyns: ServerSyns;
    keptSegments: KeptSegments;
    resets: ExpiryResets;
    counters: Counters;
  }) {
    this.#table = parts.table;
    this.#synProxy = parts.synProxy;
    this.#opening = parts.opening;
    this.#lifecycle = parts.lifecycle;
    this.#directory = parts.directory;
    this.#shift = parts.shift;
    this.#syns = parts.serverSyns;
    this.#kept = parts.keptSegments;
    this.#resets = parts.resets;
    this.#counters = parts.counters;
  }

  /**
   * Makes a connection for an ACK whose cookie is good.
   * @param data what the cookie tells @param now milliseconds @param tick the same in ticks
   * @returns the connection, or `~counter` with the counter that says why there is none
   */
  open(frame: Frame, service: VirtualService, data: number, now: number, tick: number): number {
    const connection = this.#opening.open(frame, service, (frame.sequence - 1) | 0, now, tick);
    if (connection >= 0) this.#begin(connection, frame, data, tick);
    return connection;
  }

  /** The same client begins anew from the same port: it keeps its real server, which sees another initial sequence number. */
  #reopen(connection: number, frame: Frame, data: number, now: number, tick: number): void {
    const base = connection * RECORD_WORDS;
    const service = this.#serviceOf(base);
    this.#counters.add(COUNTER['syn-proxy-reused']);
    this.#counters.add(REUSED_FROM[this.#table.words[base + STATE]! & STATE_MASK]!);
    this.#kept.forget(base);
    this.#shift.forget(base, service.sendsProxyHeader);
    this.#shift.begin(base, (frame.sequence - 1) | 0, service.toa.shared, now);
    this.#begin(connection, frame, data, tick);
  }

  /** The connection's record says who and where; what follows is of this handshake. */
  #begin(connection: number, frame: Frame, data: number, tick: number): void {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    words[base + COOKIE] = (frame.acknowledgment - 1) | 0;
    words[base + HANDSHAKE] = data;
    if (hasTimestamp(data)) this.#noteTimestamps(base, frame);
    words[base + SEGMENT_MAX] = 0xffff;
    words[base + SERVER_END] = frame.acknowledgment;
    words[base + SERVER_ACKNOWLEDGED] = (words[base + INITIAL_SEQUENCE]! + 1) | 0;
    words[base + STATE]! |= FLAG_SYN_PROXY | FLAG_SYN_PENDING;
    this.#lifecycle.settle(connection, STATE_SYN_SENT, tick, RESEND_AFTER);
    this.#syns.send(base);
    if (!this.#kept.keep(base, frame)) this.#counters.add(COUNTER['syn-proxy-not-kept']);
  }

  /** Timestamps go on from the client's own on the one side, from what it was told on the other. */
  #noteTimestamps(base: number, frame: Frame): void {
    const { words } = this.#table;
    const at = findTimestamp(frame);
    if (at === -1) {
      words[base + HANDSHAKE] = withoutTimestamp(words[base + HANDSHAKE]!);
      return;
    }
    words[base + CLIENT_TIMESTAMP] = frame.view.getInt32(at + 2);
    words[base + TIMESTAMP_DELTA] = frame.view.getInt32(at + 6);
  }

  /**
   * A client's packet on a connection behind a SYN proxy.
   * @param now milliseconds @param tick the same in ticks
   * @returns FORWARD, or as `Balancer.process`
   */
  fromClient(frame: Frame, link: LinkPort, connection: number, now: number, tick: number): number {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    if (isOpening(frame.tcpFlags)) return this.#onSyn(frame, link, base, now);
    if (this.#mayBegin(frame, base, now)) {
      const data = this.#synProxy.check(frame, this.#serviceOf(base), now);
      if (data >= 0) {
        this.#reopen(connection, frame, data, now, tick);
        return CONSUMED;
      }
      // It is the client's of another handshake, which its data is to begin: the real server knows nothing of that.
      if (data === ~COUNTER['drop-syn-proxy-null-ack']) return this.#drop(~data);
    }
    if ((words[base + STATE]! & FLAG_SYN_PENDING) === 0) return FORWARD;
    if (!this.#isOfHandshake(frame, base)) return this.#drop(COUNTER['drop-syn-proxy-unexpected']);
    if ((frame.tcpFlags & RST) !== 0) {
      this.#abort(connection, tick);
      return CONSUMED;
    }
    const { storedSegments } = this.#serviceOf(base).synProtection.settings;
    const isKept = this.#kept.count(base) <= storedSegments && this.#kept.keep(base, frame);
    return isKept ? CONSUMED : this.#drop(COUNTER['drop-syn-proxy-queue-full']);
  }

  /**
   * A SYN is answered as any of the service's where the connection may be begun anew. Else it is for the real server to
   * judge (RFC 9293 3.10.7.4, RFC 5961 4): until that takes it nothing changes, for anybody can have sent it.
   */
  #onSyn(frame: Frame, link: LinkPort, base: number, now: number): number {
    const service = this.#serviceOf(base);
    if (service.synProtection.takesSyn(this.#counters) && this.#isReusable(base)) {
      return this.#synProxy.answer(frame, link, service, now);
    }
    const { words } = this.#table;
    const word = words[base + STATE]!;
    if ((word & FLAG_SYN_PENDING) !== 0) {
      if ((word & STATE_MASK) === STATE_SYN_SENT) return this.#drop(COUNTER['drop-syn-proxy-unexpected']);
      // The client gave that handshake up.
      stopShifting(words, base);
    }
    return FORWARD;
  }

  /**
   * Whether an ACK may be the client's of another handshake than the connection's. One behind the same SYN is not, whose
   * client just acknowledges more by now: 4096 bytes more, and the cookie would tell of another MSS.
   */
  #mayBegin(frame: Frame, base: number, now: number): boolean {
    if (frame.acknowledgment === ((this.#table.words[base + COOKIE]! + 1) | 0)) return false;
    if (((frame.sequence - 1) | 0) === this.#shift.clientInitial(base)) return false;
    return this.#isReusable(base) && this.#synProxy.expects(frame, this.#serviceOf(base), now);
  }

  /** Whether the same client may begin anew: the connection is over as the service sees it, or not yet begun. */
  #isReusable(base: number): boolean {
    const word = this.#table.words[base + STATE]!;
    return (word & FLAG_SYN_PENDING) !== 0 || this.#serviceOf(base).synProtection.mayReuse(word & STATE_MASK);
  }

  /** Whether a client's segment can follow the ACK that began a handshake that goes on: one with an ACK, or an RST. */
  #isOfHandshake(frame: Frame, base: number): boolean {
    const { words } = this.#table;
    if ((words[base + STATE]! & STATE_MASK) !== STATE_SYN_SENT) return false;
    const first = this.#shift.clientInitial(base) + 1;
    if ((frame.sequence - first) >>> 0 > UNANSWERED_MAX) return false;
    if ((frame.tcpFlags & RST) !== 0) return true;
    return (
      (frame.tcpFlags & (ACK | SYN)) === ACK && frame.acknowledgment === ((words[base + COOKIE]! + 1) | 0)
    );
  }

  /** The client has changed its mind: so does the balancer. Packets that are on their way still find the connection closed. */
  #abort(connection: number, tick: number): void {
    const { words } = this.#table;
    const base = connection * RECORD_WORDS;
    this.#counters.add(COUNTER['syn-proxy-aborted']);
    this.#kept.forget(base);
    this.#resets.toServer(words, base);
    this.#lifecycle.settle(connection, STATE_CLOSE, tick);
  }

  #serviceOf(base: number): VirtualService {
    return this.#directory.services[this.#table.words[base + OWNER]! >>> 16]!;
  }

  #drop(reason: number): number {
    this.#counters.add(reason);
    return DROPPED;
  }
}
