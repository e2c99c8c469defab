import { ToaError } from '../../lib/errors.js';
import { type Endpoint, formatEndpoint, parseEndpoint, plainEndpoint } from '../../lib/net/address.js';
import type { System } from '../module/system.js';
import { CLOSE_WAIT, ESTABLISHED, parseTcpTable } from '../module/tcp-table.js';

/** What the kernel module has written down of a connection: nothing of the client where the option names the service alone. */
export interface Recorded {
  readonly client: Endpoint | undefined;
}

/** A connection's name in the tables here: what opened it, and the server. */
export type ConnectionKey = `${string} ${string}`;

export function keyOf(peer: Endpoint, server: Endpoint): ConnectionKey {
  return `${endpointText(peer)} ${endpointText(server)}`;
}

const RECORDS = '/proc/net/toa_connections';

/** How long what was seen of a connection is remembered here, in milliseconds: until it is judged, and then some. */
const MEMORY = 15_000;

/**
 * What the kernel knows of connections of this network namespace: their sockets, and the module's notes. Both go with
 * the socket, so the time to look is as soon as a connection is open; what was seen once is remembered for a while.
 */
export class KernelView {
  readonly #system: System;
  readonly #recorded = new Map<ConnectionKey, { recorded: Recorded; at: number }>();
  readonly #seen = new Map<ConnectionKey, { at: number }>();

  /** @throws ToaError ERR_TOA_PERMISSION where there are notes of the module that we may not read */
  constructor(system: System) {
    this.#system = system;
    if (system.has(RECORDS) && system.read(RECORDS) === undefined) {
      throw new ToaError('ERR_TOA_PERMISSION', `cannot read ${RECORDS}`, { hint: 'run it as root' });
    }
  }

  /** Looks now. @param now milliseconds */
  look(now: number): void {
    const before = this.#openConnections();
    for (const [key, recorded] of parseRecords(this.#system.read(RECORDS) ?? '')) {
      this.#recorded.set(key, { recorded, at: now });
    }
    // Those that were open all the time; others may have come or gone with their notes in the meantime.
    for (const key of this.#openConnections()) if (before.has(key)) this.#seen.set(key, { at: now });
    for (const memory of [this.#recorded, this.#seen]) {
      for (const [key, { at }] of memory) if (now - at > MEMORY) memory.delete(key);
    }
  }

  recorded(key: ConnectionKey): Recorded | undefined {
    return this.#recorded.get(key)?.recorded;
  }

  /** Whether the connection was open when we looked: then what the module had written down of it was there to be seen. */
  saw(key: ConnectionKey): boolean {
    return this.#seen.has(key);
  }

  /** Connections that the server has not closed yet. */
  #openConnections(): Set<ConnectionKey> {
    const sockets = ([4, 6] as const).flatMap((family) =>
      parseTcpTable(this.#system.read(`/proc/net/tcp${family === 4 ? '' : '6'}`) ?? '', family),
    );
    return new Set(
      sockets
        .filter(({ state }) => state === ESTABLISHED || state === CLOSE_WAIT)
        .map(({ local, remote }) => keyOf(plain(remote), plain(local))),
    );
  }
}

/** Reads /proc/net/toa_connections (kernel-module/connections.c): client, peer and local address of each line, and more. */
export function parseRecords(text: string): [ConnectionKey, Recorded][] {
  return text.split('\n').flatMap((line): [ConnectionKey, Recorded][] => {
    const [client, peer, server] = line.split(' ').map((word) => parseEndpoint(word));
    return peer && server ? [[keyOf(plain(peer), plain(server)), { client: client && plain(client) }]] : [];
  });
}

const plain = ({ address, port }: Endpoint) => plainEndpoint(address, port);
const endpointText = ({ address, port }: Endpoint) => formatEndpoint(address, port);
