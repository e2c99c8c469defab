import { type Family, formatEndpoint } from '../../lib/net/address.js';
import { LISTEN, parseTcpTable } from '../module/tcp-table.js';
import type { Subject } from './check.js';

/** A TCP socket that listens, in this network namespace. */
export interface Listener {
  readonly family: Family;
  /** Canonical text. */
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

/** Listeners that a balancer may reach: those on the ports that were named, else all that are not on the loopback. */
export function listenersOf({ system, ports }: Pick<Subject, 'system' | 'ports'>): Listener[] {
  return ([4, 6] as const)
    .flatMap((family) => parseListeners(system.read(`/proc/net/tcp${family === 4 ? '' : '6'}`) ?? '', family))
    .filter(({ address, port }) =>
      ports.length > 0 ? ports.includes(port) : !/^(127\.|::1$|::ffff:127\.)/.test(address),
    );
}

/** The listeners of /proc/net/tcp or tcp6. */
export function parseListeners(text: string, family: Family): Listener[] {
  return parseTcpTable(text, family)
    .filter(({ state }) => state === LISTEN)
    .map(({ local: { address, port }, inode }) => ({ family, address, port, inode }));
}

/** Listeners in a line: the first few, and how many more there are. */
export function list(listeners: readonly Listener[]): string {
  const shown = listeners.slice(0, 3).map(({ address, port }) => formatEndpoint(address, port));
  const more = listeners.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
