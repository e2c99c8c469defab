import { endianness } from 'node:os';
import { type Endpoint, type Family, formatAddress } from '../../lib/net/address.js';

/** A TCP socket of this network namespace. */
export interface TcpSocket {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Of include/net/tcp_states.h, two hexadecimal digits. */
  readonly state: string;
  readonly inode: string;
}

export const ESTABLISHED = '01';
export const CLOSE_WAIT = '08';
export const LISTEN = '0A';

/** Reads /proc/net/tcp or tcp6 (proc_net_tcp.rst): addresses are in words of the processor's byte order, ports are not. */
export function parseTcpTable(text: string, family: Family): TcpSocket[] {
  return text.split('\n').flatMap((line) => {
    const [, local = '', remote = '', state = '', , , , , , inode = ''] = line.trim().split(/\s+/);
    if (!/^[\dA-F]{2}$/.test(state)) return []; // the headings
    return [{ local: endpoint(local, family), remote: endpoint(remote, family), state, inode }];
  });
}

function endpoint(text: string, family: Family): Endpoint {
  const [address = '', port = ''] = text.split(':');
  const words = address.match(/.{8}/g) ?? [];
  const bytes = Buffer.concat(words.map((word) => inOrder(Buffer.from(word, 'hex'))));
  return { address: formatAddress(bytes, 0, family), port: Number.parseInt(port, 16), family };
}

const inOrder = (word: Buffer) => (endianness() === 'LE' ? word.reverse() : word);
