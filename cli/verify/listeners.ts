import type { Endpoint } from '../../lib/net/address.js';
import { type Listener, listenersOf } from '../doctor/listeners.js';
import { socketsOf } from '../doctor/sockets.js';
import type { System } from '../module/system.js';

const IPPROTO_TCP = 6;
const TCP_SAVE_SYN = 27;
/** What the kernel module sets, for itself; programs set 1 or 2. */
const SET_BY_MODULE = 3;

/** How long what was found out about a listener holds, in milliseconds: to find its process, all of them are looked at. */
const HOLDS = 5000;

/** The listeners that connections come from, asked at most every few seconds. */
export class KeptSyns {
  readonly #system: System;
  readonly #known = new Map<string, { keeps: boolean | undefined; asked: number }>();

  constructor(system: System) {
    this.#system = system;
  }

  /**
   * Whether a program keeps the SYNs of this server's connections, as toakit in it does; undefined where its listener may not
   * be asked, or is gone. @param now milliseconds
   */
  keeps(server: Endpoint, now: number): boolean | undefined {
    const key = `${server.port} ${server.address}`;
    const known = this.#known.get(key);
    if (known && now - known.asked < HOLDS) return known.keeps;
    const keeps = this.#ask(server);
    this.#known.set(key, { keeps, asked: now });
    return keeps;
  }

  #ask(server: Endpoint): boolean | undefined {
    const sockets = socketsOf(this.#system);
    const values = listenersOf({ system: this.#system, ports: [server.port] })
      .filter((listener) => takes(listener, server))
      .map(({ inode }) => sockets.option(inode, IPPROTO_TCP, TCP_SAVE_SYN));
    if (values.length === 0 || values.includes(undefined)) return undefined;
    return values.some((value) => value !== 0 && value !== SET_BY_MODULE);
  }
}

function takes({ address }: Listener, server: Endpoint): boolean {
  return ['0.0.0.0', '::', server.address, `::ffff:${server.address}`].includes(address);
}
