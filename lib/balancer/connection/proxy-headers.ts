import { applyDelta, delta32 } from '../../net/checksum.js';
import { ETHERNET_HEADER } from '../../net/ethernet.js';
import { IPV6_HEADER } from '../../net/ipv6.js';
import {
  ACK,
  PSH,
  RST,
  SYN,
  TCP_ACKNOWLEDGMENT,
  TCP_CHECKSUM,
  TCP_HEADER,
  TCP_WINDOW,
  TCP_WINDOW_MAX,
} from '../../net/tcp.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Emitted } from '../emitted.js';
import { cutPayload } from '../forwarding/cut-payload.js';
import { raiseSack } from '../forwarding/server-options.js';
import type { Frame } from '../frame.js';
import type { Neighbors } from '../neighbors.js';
import { NOTHING, writeSegment } from '../segment.js';
import { rescaled } from '../syn-proxy/shift.js';
import { PROXY_HEADER_MAX, proxyHeaderLength, writeProxyHeader } from './proxy-header.js';
import {
  FIRST_DATA_SEQUENCE,
  FLAG_HEADER_DUE,
  FLAG_HEADER_NEAR,
  FLAG_HEADER_PENDING,
  FLAG_HEADER_SENT,
  FLAG_SYN_ACK_SEEN,
  HEADER_ACKNOWLEDGMENT,
  HEADER_WINDOW,
  INITIAL_SEQUENCE,
  LOCAL,
  RECORD_WORDS,
  SEQUENCE_DELTA,
  SERVER,
  SERVER_HOP,
  SERVER_PORTS,
  SERVER_SEQUENCE_DELTA,
  STATE,
  swapPorts,
  WINDOW_SHIFTS,
} from './record.js';
import { ticksOf } from './timer-wheel.js';

const FRAME_MAX = ETHERNET_HEADER + IPV6_HEADER + TCP_HEADER + PROXY_HEADER_MAX;
/** A header is sent again after so many seconds, each time twice as many, as TCP's first timeout (RFC 6298 2.1), */
const FIRST_TIMEOUT = ticksOf(1);
/** and so many times; then the connection is left to the timeout of its state. */
const RESENDS = 5;

/** The header is the next thing for the real server to get. */
const WHEN_DUE = FLAG_HEADER_DUE | FLAG_SYN_ACK_SEEN;
/** The flags of a header that was sent just now. */
const HEADER_NEW = FLAG_HEADER_SENT | FLAG_HEADER_PENDING | FLAG_HEADER_NEAR;

interface Unacknowledged {
  readonly connection: number;
  /** Both tell it from a later one with the same record, be it of the same client within the same millisecond. */
  readonly initialSequence: number;
  readonly windowAndNumber: number;
  at: number;
  timeout: number;
}

/**
 * PROXY headers: the balancer's own first bytes towards the real server, ahead of the client's. The header leaves with
 * the handshake ACK, so that servers which speak first work too, and again until it is acknowledged. From then on it
 * is just a part of the connection's SEQUENCE_DELTA.
 */
export class ProxyHeaders {
  readonly #words: Int32Array;
  readonly #emitted: Emitted;
  readonly #neighbors: Neighbors;
  readonly #counters: Counters;
  readonly #header = new Uint8Array(PROXY_HEADER_MAX);
  #unacknowledged: Unacknowledged[] = [];
  /** How many were sent, in 16 bits. */
  #number = 0;

  constructor(words: Int32Array, emitted: Emitted, neighbors: Neighbors, counters: Counters) {
    this.#words = words;
    this.#emitted = emitted;
    this.#neighbors = neighbors;
    this.#counters = counters;
  }

  /**
   * A client's packet, not yet rewritten, of a connection whose header is due or was sent: sends it if it is due and the
   * handshake that far. What a SYN carries already (RFC 7413) would stand where the header does: it is taken off, and
   * comes again with the handshake ACK. So would what a client sends from before its first number, who could tell of
   * itself what it likes then; a byte of that is in keep-alive probes (RFC 9293 3.8.4), which need none.
   * @returns whether the packet may go on; else there was no buffer for the header
   */
  onClientPacket(connection: number, frame: Frame, tick: number): boolean {
    const words = this.#words;
    const base = connection * RECORD_WORDS;
    if ((frame.tcpFlags & SYN) !== 0 && frame.payload > 0) {
      cutPayload(frame);
      this.#counters.add(COUNTER['proxy-header-syn-data-removed']);
    }
    const isNext = (words[base + STATE]! & WHEN_DUE) === WHEN_DUE;
    if (isNext && (frame.tcpFlags & (ACK | SYN | RST)) === ACK && !this.#begin(connection, frame, tick))
      return false;
    if (frame.payload > 0 && this.#overlaps(base, frame)) {
      cutPayload(frame);
      this.#counters.add(COUNTER['proxy-header-overlap-removed']);
    }
    return true;
  }

  /** Sends the header for the first time, ahead of a client's packet. @returns false where there is no buffer for it */
  #begin(connection: number, frame: Frame, tick: number): boolean {
    const words = this.#words;
    const base = connection * RECORD_WORDS;
    const window = frame.view.getUint16(frame.l4 + TCP_WINDOW);
    const told = rescaled(window, words[base + WINDOW_SHIFTS]! >> 16);
    this.#number = (this.#number + 1) & 0xffff;
    words[base + HEADER_WINDOW] = (this.#number << 16) | told;
    words[base + HEADER_ACKNOWLEDGMENT] = frame.acknowledgment - words[base + SERVER_SEQUENCE_DELTA]!;
    if (!this.#send(base)) return false;
    words[base + STATE] = (words[base + STATE]! & ~FLAG_HEADER_DUE) | HEADER_NEW;
    words[base + SEQUENCE_DELTA]! += proxyHeaderLength(words, base);
    this.#unacknowledged.push({
      connection,
      initialSequence: words[base + INITIAL_SEQUENCE]!,
      windowAndNumber: words[base + HEADER_WINDOW]!,
      at: tick + FIRST_TIMEOUT,
      timeout: FIRST_TIMEOUT,
    });
    this.#counters.add(COUNTER['proxy-header-sent']);
    return true;
  }

  /**
   * A real server's packet, not yet rewritten, that may acknowledge the header, or tell that it came twice (D-SACK, RFC
   * 2883): what it acknowledges of the header alone, or ahead of it with a repeated SYN-ACK, must seem to the client to be
   * just its SYN.
   */
  onServerPacket(connection: number, frame: Frame): void {
    if ((frame.tcpFlags & ACK) === 0) return;
    const words = this.#words;
    const base = connection * RECORD_WORDS;
    const end = (words[base + INITIAL_SEQUENCE]! + 1 + proxyHeaderLength(words, base)) | 0;
    const beyond = (frame.acknowledgment - end) | 0;
    if (beyond >= 0) words[base + STATE]! &= ~FLAG_HEADER_PENDING;
    if (beyond >= TCP_WINDOW_MAX) {
      // No longer of the header, which is further away than a window; and numbers come round.
      words[base + STATE]! &= ~FLAG_HEADER_NEAR;
      return;
    }
    const { view, l4 } = frame;
    frame.tcpDelta = 0;
    if (beyond < 0) {
      view.setInt32(l4 + TCP_ACKNOWLEDGMENT, end);
      frame.tcpDelta = delta32(frame.acknowledgment, end);
      frame.acknowledgment = end;
    }
    if (frame.l4Length > TCP_HEADER) raiseSack(frame, end);
    // A partial checksum is the pseudo-header's alone, which has none of these in it.
    if (frame.tcpDelta !== 0 && !frame.partial) applyDelta(view, l4 + TCP_CHECKSUM, frame.tcpDelta);
  }

  /**
   * A real server's SYN-ACK on a connection whose header was sent. One of the connection's own SYN may come again; with
   * another number it is of another connection, and the header's numbers are near, whatever came since. One of another
   * SYN than the client's last one is of a connection that would have no header.
   * @param answersLater whether it is of the client's last SYN, and so begins another connection
   * @returns whether it may go on
   */
  onServerSyn(base: number, { sequence, acknowledgment }: Frame, answersLater: boolean): boolean {
    const words = this.#words;
    if ((words[base + STATE]! & FLAG_HEADER_SENT) === 0 || answersLater) return true;
    if (acknowledgment !== ((words[base + INITIAL_SEQUENCE]! + 1) | 0)) return false;
    const first = (sequence + words[base + SERVER_SEQUENCE_DELTA]! + 1) | 0;
    if (first !== words[base + FIRST_DATA_SEQUENCE]) words[base + STATE]! |= FLAG_HEADER_NEAR;
    return true;
  }

  /** Whether a segment begins before the client's first byte; its numbers may have come round where the header is not near. */
  #overlaps(base: number, { sequence }: Frame): boolean {
    const words = this.#words;
    if ((words[base + STATE]! & FLAG_HEADER_NEAR) === 0) return false;
    const end = words[base + INITIAL_SEQUENCE]! + 1 + proxyHeaderLength(words, base);
    return ((sequence + words[base + SEQUENCE_DELTA]! - end) | 0) < 0;
  }

  /** Sends again what was not acknowledged in time. */
  advance(tick: number): void {
    let kept = 0;
    const all = this.#unacknowledged;
    for (const each of all) {
      const base = each.connection * RECORD_WORDS;
      const pending =
        (this.#words[base + STATE]! & FLAG_HEADER_PENDING) !== 0 &&
        this.#words[base + INITIAL_SEQUENCE] === each.initialSequence &&
        this.#words[base + HEADER_WINDOW] === each.windowAndNumber;
      if (!pending) continue;
      if (tick >= each.at) {
        if (each.timeout === FIRST_TIMEOUT << RESENDS) {
          this.#counters.add(COUNTER['proxy-header-given-up']);
          continue;
        }
        if (this.#send(base)) {
          each.timeout *= 2;
          this.#counters.add(COUNTER['proxy-header-resent']);
        }
        each.at = tick + each.timeout;
      }
      all[kept++] = each;
    }
    all.length = kept;
  }

  #send(base: number): boolean {
    const words = this.#words;
    const frame = this.#emitted.take(FRAME_MAX);
    if (frame === undefined) {
      this.#counters.add(COUNTER['drop-out-of-buffers']);
      return false;
    }
    const length = writeProxyHeader(this.#header, words, base);
    writeSegment(
      frame,
      words.subarray(base + LOCAL, base + LOCAL + 4),
      words.subarray(base + SERVER, base + SERVER + 4),
      swapPorts(words[base + SERVER_PORTS]!),
      (words[base + INITIAL_SEQUENCE]! + 1) | 0,
      words[base + HEADER_ACKNOWLEDGMENT]!,
      ACK | PSH,
      words[base + HEADER_WINDOW]! & 0xffff,
      NOTHING,
      this.#header.subarray(0, length),
    );
    const link = this.#neighbors.address(frame, words[base + SERVER_HOP]!);
    if (link >= 0) this.#emitted.send(frame, link);
    else this.#emitted.discard(frame);
    return true;
  }
}
