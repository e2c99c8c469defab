import type { Frame } from '../frame.js';
import { sipHash } from '../sip-hash.js';
import { isSoundData } from './cookie-data.js';

const MINUTE = 60_000;
/** A cookie is good in the minute that it was issued in and in the next three (COUNTER_TRIES of Alibaba's LVS). */
export const COOKIE_MINUTES = 4;
/** Minutes that a secret serves, as a power of two. */
const EPOCH_SHIFT = 4;
const EPOCH_MASK = (1 << EPOCH_SHIFT) - 1;
const LOW_24_BITS = 0xffffff;
/** "syn-cook" in little-endian words: tells the messages that secrets are made of from all others under their key. */
const LABEL_0 = 0x2d6e7973;
const LABEL_1 = 0x6b6f6f63;

/** The minute of a time in milliseconds, by which cookies age. */
export function minuteOf(now: number): number {
  return Math.floor(now / MINUTE) | 0;
}

/**
 * SYN cookies: initial sequence numbers of SYN-ACKs that hold what must be known of a SYN, so that nothing is kept
 * until the client has shown that it is there.
 *
 * A cookie is `low half + client's sequence number + (minute << 24) + ((mix of high half and minute + data) mod 2^24)`,
 * the halves being those of one SipHash-2-4 of the client's address, the VIP, the ports and the client's sequence
 * number. Of 2^32 numbers 2400 are good for one ACK: 600 sound data in each of 4 minutes. So a random ACK passes one time
 * in 1.8 million.
 *
 * The client's number is hashed too because just added it would make an ACK good that comes later in the connection,
 * whenever both sides have sent as many bytes: the last one of every connection in which nothing was sent.
 *
 * Secrets change every 16 minutes, and each is good for the minutes that it served only: the last one's cookies are
 * looked for in the first three minutes of the next.
 */
export class SynCookies {
  /** What the epochs' secrets are made with. */
  readonly #master = new Int32Array(4);
  /** Secrets by the parity of their epoch. */
  readonly #secrets = [new Int32Array(4), new Int32Array(4)] as const;
  /** Whose they are: none of anybody yet, and not of the one before the first either. */
  readonly #epochs = new Float64Array(2).fill(Number.NaN);
  readonly #message = new Int32Array(10);
  readonly #halves = new Int32Array(2);

  /** @param secret 16 bytes */
  constructor(secret: Uint8Array) {
    const view = new DataView(secret.buffer, secret.byteOffset, secret.byteLength);
    for (let i = 0; i < 4; i++) this.#master[i] = view.getInt32(4 * i, true);
  }

  /**
   * The cookie for a SYN.
   * @param data sound bits of `cookie-data.ts`
   * @param now milliseconds
   * @returns an int32
   */
  issue(frame: Frame, data: number, now: number): number {
    const minute = minuteOf(now);
    this.#hash(frame, frame.sequence, minute >> EPOCH_SHIFT);
    const hidden = (mix(this.#halves[1]!, minute) + data) & LOW_24_BITS;
    return (this.#halves[0]! + frame.sequence + (minute << 24) + hidden) | 0;
  }

  /**
   * Whether an ACK acknowledges a cookie that was issued for the SYN before it.
   * @param now milliseconds
   * @returns the cookie's data, or -1
   */
  check(frame: Frame, now: number): number {
    const minute = minuteOf(now);
    const epoch = minute >> EPOCH_SHIFT;
    const data = this.#checkIn(epoch, frame, minute);
    if (data !== -1 || (minute & EPOCH_MASK) >= COOKIE_MINUTES - 1) return data;
    return this.#checkIn(epoch - 1, frame, minute);
  }

  /** The same for cookies of one epoch. */
  #checkIn(epoch: number, frame: Frame, minute: number): number {
    const sequence = (frame.sequence - 1) | 0;
    this.#hash(frame, sequence, epoch);
    const cookie = frame.acknowledgment - 1;
    const rest = (cookie - this.#halves[0]! - sequence) | 0;
    const age = (minute - (rest >>> 24)) & 0xff;
    const issued = minute - age;
    if (age >= COOKIE_MINUTES || issued >> EPOCH_SHIFT !== epoch) return -1;
    const data = (rest - mix(this.#halves[1]!, issued)) & LOW_24_BITS;
    return isSoundData(data) ? data : -1;
  }

  /** Leaves the hash of the frame's addresses and ports and a sequence number under an epoch's secret in `#halves`. */
  #hash(frame: Frame, sequence: number, epoch: number): void {
    const message = this.#message;
    let length = 16;
    if (frame.family === 4) {
      message[0] = frame.source3;
      message[1] = frame.destination3;
      message[2] = frame.ports;
      message[3] = sequence;
    } else {
      length = 40;
      message[0] = frame.source0;
      message[1] = frame.source1;
      message[2] = frame.source2;
      message[3] = frame.source3;
      message[4] = frame.destination0;
      message[5] = frame.destination1;
      message[6] = frame.destination2;
      message[7] = frame.destination3;
      message[8] = frame.ports;
      message[9] = sequence;
    }
    sipHash(this.#secretOf(epoch), message, length, 2, 4, this.#halves);
  }

  #secretOf(epoch: number): Int32Array {
    const parity = epoch & 1;
    const secret = this.#secrets[parity]!;
    if (this.#epochs[parity] === epoch) return secret;
    this.#epochs[parity] = epoch;
    for (let half = 0; half < 2; half++) {
      const message = Int32Array.of(LABEL_0, LABEL_1, epoch, half);
      sipHash(this.#master, message, 16, 2, 4, secret.subarray(2 * half, 2 * half + 2));
    }
    return secret;
  }
}

/** Appleby's 32-bit mixing function: every bit of both reaches every bit of the result. */
function mix(high: number, minute: number): number {
  let mixed = high ^ Math.imul(minute, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
