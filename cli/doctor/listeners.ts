import { endianness } from 'node:os';
import { type Family, formatAddress, formatEndpoint } from '../../lib/net/address.js';
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
export function listenersOf({ system, ports }: Subject): Listener[] {
  return ([4, 6] as const)
    .flatMap((family) => parseListeners(system.read(`/proc/net/tcp${family === 4 ? '' : '6'}`) ?? '', family))
    .filter(({ address, port }) =>
      ports.length > 0 ? ports.includes(port) : !/^(127\.|::1$|::ffff:127\.)/.test(address),
    );
}

/** TCP_LISTEN of include/net/tcp_states.h. */
const LISTEN = '0A';

/** Reads /proc/net/tcp or tcp6 (proc_net_tcp.rst): the address is in words of the processor's byte order, the port is not. */
export function parseListeners(text: string, family: Family): Listener[] {
  return text.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    if (state !== LISTEN) return [];
    const [address = '', port = ''] = local.split(':');
    const words = address.match(/.{8}/g) ?? [];
    const bytes = Buffer.concat(words.map((word) => inOrder(Buffer.from(word, 'hex'))));
    return [{ family, address: formatAddress(bytes, 0, family), port: Number.parseInt(port, 16), inode }];
  });
}

const inOrder = (word: Buffer) => (endianness() === 'LE' ? word.reverse() : word);

/** Listeners in a line: the first few, and how many more there are. */
export function list(listeners: readonly Listener[]): string {
  const shown = listeners.slice(0, 3).map(({ address, port }) => formatEndpoint(address, port));
  const more = listeners.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
