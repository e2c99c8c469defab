import type { ConnectionTable } from '../connection/connection-table.js';
import { LOCAL, RECORD_WORDS, SERVER, SERVER_PORTS } from '../connection/record.js';
import type { RealServer } from './real-server.js';

/** Ports looked at for one connection on one address: `fullnat_lport_tries` of Alibaba's LVS. Another service may hold them. */
const TRIES = 10_000;

/**
 * The local addresses of a service. What is unique is (real server, lip, local port): the same local port may serve
 * connections to different real servers at once.
 */
export class LocalAddresses {
  readonly addresses: readonly Int32Array[];
  readonly #first: number;
  readonly #ports: number;
  /** The address used last, and for each address the port used last, as an offset from the first. */
  #turn: number;
  readonly #cursor: Int32Array;
  /** Ports in use, by address and real server (its position in the service). */
  readonly #used: Int32Array;
  readonly #servers: number;

  /**
   * @param first, last the local ports, both included
   * @param random where to begin, so that a restarted balancer does not reuse at once the ports it had
   */
  constructor(
    addresses: readonly Int32Array[],
    first: number,
    last: number,
    servers: number,
    random: number,
  ) {
    this.addresses = addresses;
    this.#first = first;
    this.#ports = last - first + 1;
    this.#servers = servers;
    this.#turn = (random >>> 0) % addresses.length;
    this.#cursor = new Int32Array(addresses.length).fill((random >>> 8) % this.#ports);
    this.#used = new Int32Array(addresses.length * servers);
  }

  /**
   * Writes a free local address and port to the record at `base`, whose SERVER words are filled in: the addresses in
   * turn, on each the port after the one used last. An address with no port left towards this real server is passed
   * over at no cost.
   * @param position the real server's place in the service
   * @returns which address, or -1 when every port of every address is taken
   */
  bind(table: ConnectionTable, base: number, server: RealServer, position: number): number {
    const { words } = table;
    for (let step = 1; step <= this.addresses.length; step++) {
      const index = (this.#turn + step) % this.addresses.length;
      const used = index * this.#servers + position;
      if (this.#used[used] === this.#ports) continue;
      const address = this.addresses[index]!;
      for (let i = 0; i < 4; i++) words[base + LOCAL + i] = address[i]!;
      for (let tried = 0; tried < this.#ports && tried < TRIES; tried++) {
        const offset = (this.#cursor[index]! + 1) % this.#ports;
        this.#cursor[index] = offset;
        words[base + SERVER_PORTS] = (server.port << 16) | (this.#first + offset);
        if (table.hasServerSide(words, base + SERVER)) continue;
        this.#used[used]! += 1;
        this.#turn = index;
        return index;
      }
    }
    return -1;
  }

  /** Frees what `bind` took for a connection. */
  release(table: ConnectionTable, connection: number, position: number): void {
    const base = connection * RECORD_WORDS;
    for (let index = 0; index < this.addresses.length; index++) {
      const address = this.addresses[index]!;
      if (
        table.words[base + LOCAL + 3] === address[3] &&
        table.words[base + LOCAL + 2] === address[2] &&
        table.words[base + LOCAL + 1] === address[1] &&
        table.words[base + LOCAL] === address[0]
      ) {
        this.#used[index * this.#servers + position]! -= 1;
        return;
      }
    }
  }
}
