/**
 * SYN cookies by integers without bounds: `low + client's sequence number + (minute << 24) + ((mix(high, minute) + data)
 * mod 2^24)` with the halves of one SipHash-2-4, good for four minutes and for those alone that its secret served.
 */
import { concat, type HostPort, u16, u32 } from '../support/wire.js';
import { sipHashModel } from './sip-hash.js';

const MINUTE = 60_000;
const TRIES = 4n;
/** Minutes that a secret serves. */
const EPOCH = 16n;

export interface CookieFlow {
  readonly client: HostPort;
  readonly vip: HostPort;
  /** The client's initial sequence number. */
  readonly isn: number;
}

export type SipKey = readonly [bigint, bigint];

const low = (value: bigint, bits: number) => BigInt.asUintN(bits, value);

export class CookieModel {
  readonly #master: SipKey;

  /** @param secret 16 bytes */
  constructor(secret: Uint8Array) {
    const view = new DataView(secret.buffer, secret.byteOffset, 16);
    this.#master = [view.getBigUint64(0, true), view.getBigUint64(8, true)];
  }

  issue(flow: CookieFlow, data: number, now: number): number {
    const minute = minuteOf(now);
    return cookieOf(hashOf(this.#keyAt(minute), flow), flow, data, minute);
  }

  /** The data of a cookie that is good, or undefined: what it has to tell, if anything, shows beside one that tells nothing. */
  check(flow: CookieFlow, cookie: number, now: number): number | undefined {
    for (let age = 0n; age < TRIES; age++) {
      const minute = minuteOf(now) - age;
      const hash = hashOf(this.#keyAt(minute), flow);
      const data = Number(low(BigInt(cookie - cookieOf(hash, flow, 0, minute)), 24));
      if (SOUND.has(data) && cookieOf(hash, flow, data, minute) === cookie) return data;
    }
    return undefined;
  }

  /** All cookies that are good for a flow, with their data. */
  good(flow: CookieFlow, now: number): Map<number, number> {
    const good = new Map<number, number>();
    for (let age = 0n; age < TRIES; age++) {
      const minute = minuteOf(now) - age;
      const hash = hashOf(this.#keyAt(minute), flow);
      for (const data of soundData()) good.set(cookieOf(hash, flow, data, minute), data);
    }
    return good;
  }

  /** The secret that serves in a minute. */
  #keyAt(minute: bigint): SipKey {
    const epoch = Number(BigInt.asUintN(32, minute >= 0n ? minute / EPOCH : -1n));
    const label = new TextEncoder().encode('syn-cook');
    const half = (n: number) => {
      const message = concat(label, littleEndian(epoch), littleEndian(n));
      return sipHashModel(this.#master, message, 2, 4);
    };
    return [half(0), half(1)];
  }
}

export function minuteOf(now: number): bigint {
  return BigInt(Math.floor(now / MINUTE));
}

/** The hash of a flow under a secret: addresses, ports and the client's number in words of 32 bits. */
export function hashOf(key: SipKey, { client, vip, isn }: CookieFlow): bigint {
  const bytes = concat(client.address, vip.address, u16(client.port), u16(vip.port), u32(isn));
  const words = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.slice(4 * i, 4 * i + 4));
  return sipHashModel(key, concat(...words.map((word) => word.toReversed())), 2, 4);
}

/** The cookie for a flow in a minute. */
export function cookieOf(hash: bigint, { isn }: CookieFlow, data: number, minute: bigint): number {
  const hidden = low(mix(hash >> 32n, minute) + BigInt(data), 24);
  return Number(low(hash + BigInt(isn) + (minute << 24n) + hidden, 32));
}

/** MurmurHash3's finalizer of the high half, changed by the minute. */
function mix(high: bigint, minute: bigint): bigint {
  let mixed = high ^ low(minute * 0x9e3779b1n, 32);
  mixed = low((mixed ^ (mixed >> 16n)) * 0x85ebca6bn, 32);
  mixed = low((mixed ^ (mixed >> 13n)) * 0xc2b2ae35n, 32);
  return mixed ^ (mixed >> 16n);
}

function littleEndian(value: number): Uint8Array {
  return u32(value).toReversed();
}

/** Bit 21 SACK, 20 timestamps, 19 to 16 the window scale up to 14, 15 to 12 the place of one of ten MSSs. */
export function soundData(): number[] {
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
  return upTo(2).flatMap((sack) =>
    upTo(2).flatMap((timestamp) =>
      upTo(15).flatMap((scale) =>
        upTo(10).map((mss) => sack * 2 ** 21 + timestamp * 2 ** 20 + scale * 2 ** 16 + mss * 2 ** 12),
      ),
    ),
  );
}

const SOUND: ReadonlySet<number> = new Set(soundData());
