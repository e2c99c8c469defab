import { ticksOf } from '../connection/timer-wheel.js';

/** Real servers' positions have 16 bits. */
const PLACES = 65_536;
const UNKNOWN = 65_535;
/** How long a path MTU is believed: RFC 1191 6.3, Linux's mtu_expires. */
const LIFETIME = ticksOf(600);

/** The path MTUs of real servers that ICMP errors told of, by position. */
export class PathMtus {
  readonly #mtu = new Uint16Array(PLACES).fill(UNKNOWN);
  /** For each that is known, the tick until which it is. */
  readonly #until = new Map<number, number>();

  /** In bytes; 65535 where nothing is known. */
  of(server: number): number {
    return this.#mtu[server]!;
  }

  /** Lowers the path MTU of a real server; it is never raised by an error (RFC 1191 3). */
  learn(server: number, mtu: number, tick: number): void {
    if (mtu > this.of(server)) return;
    this.#mtu[server] = mtu;
    this.#until.set(server, tick + LIFETIME);
  }

  /** The routes are others, and so may all paths be. */
  forgetAll(): void {
    for (const server of this.#until.keys()) this.forget(server);
  }

  /** The real server at this position is another. */
  forget(server: number): void {
    this.#mtu[server] = UNKNOWN;
    this.#until.delete(server);
  }

  /** Moves the clock: what was learned long ago is tried again. */
  advance(tick: number): void {
    for (const [server, until] of this.#until) if (tick >= until) this.forget(server);
  }
}
