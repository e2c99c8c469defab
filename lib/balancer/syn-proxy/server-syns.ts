import { ETHERNET_HEADER } from '../../net/ethernet.js';
import { IPV6_HEADER } from '../../net/ipv6.js';
import {
  OPTION_MSS,
  OPTION_NOP,
  OPTION_SACK_PERMITTED,
  OPTION_TIMESTAMP,
  OPTION_WINDOW_SCALE,
  SYN,
  TCP_HEADER,
  TCP_MAX_OPTIONS,
} from '../../net/tcp.js';
import { isIpv4At } from '../address-words.js';
import {
  CLIENT,
  CLIENT_PORTS,
  CLIENT_TIMESTAMP,
  HANDSHAKE,
  INITIAL_SEQUENCE,
  OWNER,
  RECORD_WORDS,
  SEQUENCE_DELTA,
  SERVER_HOP,
  STATE,
  STATE_MASK,
  VIP,
} from '../connection/record.js';
import { STATE_SYN_SENT } from '../connection/state.js';
import { type TimerWheel, ticksOf } from '../connection/timer-wheel.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Emitted } from '../emitted.js';
import type { Neighbors } from '../neighbors.js';
import { parse } from '../parse.js';
import { NOTHING, writeSegment } from '../segment.js';
import { type Directory, STANDING_SOUND } from '../service/directory.js';
import { hasSack, hasTimestamp, mssOf, windowScaleOf } from './cookie-data.js';

/** Between two of our SYNs: Alibaba's LVS's timeout of SYN_SENT. */
export const RESEND_AFTER = ticksOf(3);
/** Alibaba's LVS's: the client's own comes with its first segments. */
const WINDOW = 5000;
const FRAME_MAX = ETHERNET_HEADER + IPV6_HEADER + TCP_HEADER + TCP_MAX_OPTIONS;
/** Where HANDSHAKE counts the SYNs that were sent again. */
const RESENT_SHIFT = 24;

/**
 * The SYNs that the balancer sends to real servers in place of clients' own: with what the cookie tells of those, as
 * if they came from the client.
 */
export class ServerSyns {
  readonly #words: Int32Array;
  readonly #wheel: TimerWheel;
  readonly #directory: Directory;
  readonly #neighbors: Neighbors;
  readonly #emitted: Emitted;
  readonly #counters: Counters;
  readonly #options = new Uint8Array(TCP_MAX_OPTIONS);

  constructor(parts: {
    words: Int32Array;
    wheel: TimerWheel;
    directory: Directory;
    neighbors: Neighbors;
    emitted: Emitted;
    counters: Counters;
  }) {
    this.#words = parts.words;
    this.#wheel = parts.wheel;
    this.#directory = parts.directory;
    this.#neighbors = parts.neighbors;
    this.#emitted = parts.emitted;
    this.#counters = parts.counters;
  }

  /** Sends the SYN of the connection at `base`. */
  send(base: number): void {
    const frame = this.#emitted.take(FRAME_MAX);
    if (frame === undefined) {
      this.#counters.add(COUNTER['drop-out-of-buffers']);
      return;
    }
    const words = this.#words;
    const { forwarding, toa } = this.#directory.services[words[base + OWNER]! >>> 16]!;
    const length = this.#writeOptions(base);
    writeSegment(
      frame,
      words.subarray(base + CLIENT, base + CLIENT + 4),
      words.subarray(base + VIP, base + VIP + 4),
      words[base + CLIENT_PORTS]!,
      (words[base + INITIAL_SEQUENCE]! - words[base + SEQUENCE_DELTA]!) | 0,
      0,
      SYN,
      WINDOW,
      this.#options.subarray(0, length),
      NOTHING,
    );
    parse(frame);
    const hop = words[base + SERVER_HOP]!;
    forwarding.toServer(frame, words, base, toa, this.#neighbors.mtuOf(hop), this.#counters);
    const link = this.#neighbors.address(frame, hop);
    if (link >= 0) this.#emitted.send(frame, link);
    else this.#emitted.discard(frame);
  }

  /**
   * The time of a connection is over whose SYN was not answered, its timer stopped.
   * @returns whether the SYN was sent again and the timer with it; else the real server is given up
   */
  resend(connection: number, tick: number): boolean {
    const words = this.#words;
    const base = connection * RECORD_WORDS;
    if ((words[base + STATE]! & STATE_MASK) !== STATE_SYN_SENT) return false;
    const owner = words[base + OWNER]!;
    const { synRetries } = this.#directory.services[owner >>> 16]!.synProtection.settings;
    const isSound = this.#directory.standing[owner & 0xffff] === STANDING_SOUND;
    if (!isSound || words[base + HANDSHAKE]! >>> RESENT_SHIFT >= synRetries) {
      this.#counters.add(COUNTER['syn-proxy-given-up']);
      return false;
    }
    words[base + HANDSHAKE]! += 1 << RESENT_SHIFT;
    this.#counters.add(COUNTER['syn-proxy-resent']);
    this.send(base);
    this.#wheel.add(connection, tick + RESEND_AFTER);
    return true;
  }

  /** The options of the client's SYN, each at a whole word: MSS, timestamps, SACK permitted, window scale. @returns their length */
  #writeOptions(base: number): number {
    const words = this.#words;
    const options = this.#options;
    const data = words[base + HANDSHAKE]!;
    const mss = mssOf(data, isIpv4At(words, base + CLIENT) ? 4 : 6);
    options[0] = OPTION_MSS;
    options[1] = 4;
    options[2] = mss >> 8;
    options[3] = mss & 0xff;
    let at = 4;
    if (hasSack(data) || hasTimestamp(data)) {
      options[at] = hasSack(data) ? OPTION_SACK_PERMITTED : OPTION_NOP;
      options[at + 1] = hasSack(data) ? 2 : OPTION_NOP;
      at += 2;
      if (hasTimestamp(data)) at = this.#writeTimestamp(at, words[base + CLIENT_TIMESTAMP]!);
      else {
        options[at++] = OPTION_NOP;
        options[at++] = OPTION_NOP;
      }
    }
    const scale = windowScaleOf(data);
    if (scale !== 0) {
      options[at++] = OPTION_NOP;
      options[at++] = OPTION_WINDOW_SCALE;
      options[at++] = 3;
      options[at++] = scale;
    }
    return at;
  }

  #writeTimestamp(from: number, value: number): number {
    const options = this.#options;
    let at = from;
    options[at++] = OPTION_TIMESTAMP;
    options[at++] = 10;
    for (let shift = 24; shift >= 0; shift -= 8) options[at++] = (value >>> shift) & 0xff;
    options.fill(0, at, at + 4);
    return at + 4;
  }
}
