import { AddressTable } from '../address-table.js';
import type { Neighbors } from '../neighbors.js';
import type { Routes } from '../routes.js';
import type { Directory } from '../service/directory.js';
import type { PortUse } from '../service/port-use.js';
import type { ConnectionTable } from './connection-table.js';
import type { KeyedHash } from './keyed-hash.js';
import {
  CLIENT,
  CLIENT_HOP,
  EXPIRES,
  FLAG_CONNECTION,
  FLAG_SYN_PENDING,
  LOCAL,
  OWNER,
  RECORD_WORDS,
  SERVER,
  SERVER_HOP,
  STATE,
  STATE_MASK,
  VIP,
} from './record.js';
import type { TimerWheel } from './timer-wheel.js';

/** What live connections need when the configuration under them changes. */
export class CarryOver {
  readonly #table: ConnectionTable;
  readonly #wheel: TimerWheel;
  readonly #neighbors: Neighbors;
  readonly #directory: Directory;
  readonly #portUse: PortUse;
  readonly #hash: KeyedHash;

  constructor(parts: {
    table: ConnectionTable;
    wheel: TimerWheel;
    neighbors: Neighbors;
    directory: Directory;
    portUse: PortUse;
    hash: KeyedHash;
  }) {
    this.#table = parts.table;
    this.#wheel = parts.wheel;
    this.#neighbors = parts.neighbors;
    this.#directory = parts.directory;
    this.#portUse = parts.portUse;
    this.#hash = parts.hash;
  }

  /** The routes are others: every connection finds its ways anew. One that has no other keeps the one it had. */
  reroute(routes: Routes): void {
    for (const base of this.#connections()) {
      this.#rerouteSide(routes, base, CLIENT, CLIENT_HOP);
      this.#rerouteSide(routes, base, SERVER, SERVER_HOP);
    }
  }

  #rerouteSide(routes: Routes, base: number, side: number, hopWord: number): void {
    const { words } = this.#table;
    const before = words[base + hopWord]!;
    if (before === -1) return;
    const at = base + side;
    const route = routes.find(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!);
    if (route === undefined) return;
    const hop = this.#neighbors.acquire(route, words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!);
    if (hop === -1) return;
    this.#neighbors.release(before);
    words[base + hopWord] = hop;
  }

  /**
   * Timeouts may be others: they count from a connection's last packet on, as if it had come under them.
   * @param before what services had, by their positions
   */
  retime(before: readonly (Int32Array | undefined)[]): void {
    const { words } = this.#table;
    const { services } = this.#directory;
    if (before.every((timeouts, index) => timeouts === services[index]?.timeouts)) return;
    for (const base of this.#connections()) {
      const owner = words[base + OWNER]! >>> 16;
      const timeouts = services[owner]!.timeouts;
      // While a SYN is on its way to the real server, the timer is the SYN's.
      if (timeouts === before[owner] || (words[base + STATE]! & FLAG_SYN_PENDING) !== 0) continue;
      const state = words[base + STATE]! & STATE_MASK;
      const lastPacket = words[base + EXPIRES]! - before[owner]![state]!;
      this.#wheel.touch(base / RECORD_WORDS, lastPacket + timeouts[state]!);
    }
  }

  /**
   * Addresses or ports are others: the local ports that connections hold are counted anew.
   * @returns the local addresses that connections have, also those that are in the configuration no longer, and the VIPs
   * that their service has no longer, if it is there still
   */
  recount(): Int32Array[] {
    const { words } = this.#table;
    const known = new AddressTable(this.#hash);
    const found: Int32Array[] = [];
    const note = (at: number): void => {
      if (known.find(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, 0) !== -1) return;
      known.set(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, 0, 0);
      found.push(words.slice(at, at + 4));
    };
    const current = new Set(this.#directory.current);
    this.#portUse.clear();
    for (const base of this.#connections()) {
      const service = this.#directory.services[words[base + OWNER]! >>> 16]!;
      if (current.has(service) && !service.hasAddress(words, base + VIP)) note(base + VIP);
      if (service.mode !== 'fullnat' && service.mode !== 'tun') continue;
      const server = this.#directory.servers[words[base + OWNER]! & 0xffff]!;
      if (service.mode === 'fullnat') service.localAddresses.adopt(words, base, server);
      note(base + LOCAL);
    }
    return found;
  }

  /** Where the records of connections begin. */
  *#connections(): Generator<number> {
    const { words, used } = this.#table;
    for (let base = 0; base < used * RECORD_WORDS; base += RECORD_WORDS) {
      if ((words[base + STATE]! & FLAG_CONNECTION) !== 0) yield base;
    }
  }
}
