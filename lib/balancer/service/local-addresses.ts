import type { PortRange } from '../config/ports.js';
import type { ConnectionTable } from '../connection/connection-table.js';
import { LOCAL, SERVER_PORTS } from '../connection/record.js';
import type { PortUse } from './port-use.js';
import type { RealServer } from './real-server.js';

/** Ports looked at for one connection on one address: `fullnat_lport_tries` of Alibaba's LVS. Another service may hold them. */
const TRIES = 10_000;

/**
 * The local addresses of a FULLNAT service. What is unique is (real server, lip, local port): the same local port may
 * serve connections to different real servers at once.
 */
export class LocalAddresses {
  readonly addresses: readonly Int32Array[];
  readonly #first: number;
  readonly #ports: number;
  readonly #use: PortUse;
  /** The address used last, and for each address the port used last, as an offset from the first. */
  #turn: number;
  readonly #cursor: Int32Array;

  /** @param random where to begin, so that a restarted balancer does not reuse at once the ports it had */
  constructor(addresses: readonly Int32Array[], { first, last }: PortRange, use: PortUse, random: number) {
    this.addresses = addresses;
    this.#first = first;
    this.#ports = last - first + 1;
    this.#use = use;
    this.#turn = (random >>> 0) % Math.max(addresses.length, 1);
    this.#cursor = new Int32Array(addresses.length).fill((random >>> 8) % this.#ports);
  }

  /**
   * Writes a free local address and port to the record at `base`, whose SERVER words are filled in: the addresses in
   * turn, on each the port after the one used last. An address with no port left towards this real server is passed
   * over at no cost.
   * @param serverPort where the real server listens
   * @returns whether there was one
   */
  bind(table: ConnectionTable, base: number, server: RealServer, serverPort: number): boolean {
    const { words } = table;
    for (let step = 1; step <= this.addresses.length; step++) {
      const index = (this.#turn + step) % this.addresses.length;
      const address = this.addresses[index]!;
      // A real server that keeps the client's port has as many ports for each of its own.
      if (server.port !== 0 && this.#use.of(address, 0, server) === this.#ports) continue;
      for (let i = 0; i < 4; i++) words[base + LOCAL + i] = address[i]!;
      for (let tried = 0; tried < this.#ports && tried < TRIES; tried++) {
        const offset = (this.#cursor[index]! + 1) % this.#ports;
        this.#cursor[index] = offset;
        words[base + SERVER_PORTS] = (serverPort << 16) | (this.#first + offset);
        if (table.hasServerSide(base)) continue;
        this.#use.change(address, 0, server, 1);
        this.#turn = index;
        return true;
      }
    }
    return false;
  }

  /** Frees what `bind` took for the connection at `base`, whose address may have been removed since. */
  release(words: Int32Array, base: number, server: RealServer): void {
    this.#count(words, base, server, -1);
  }

  /** Counts what a connection of before has; all of them are counted when the addresses or the ports are others. */
  adopt(words: Int32Array, base: number, server: RealServer): void {
    this.#count(words, base, server, 1);
  }

  /** Ports out of the range, of a configuration before, leave as many free within it. */
  #count(words: Int32Array, base: number, server: RealServer, change: number): void {
    const offset = (words[base + SERVER_PORTS]! & 0xffff) - this.#first;
    if (offset >= 0 && offset < this.#ports) this.#use.change(words, base + LOCAL, server, change);
  }
}
