import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { ToaError } from '../errors.js';
import { nativeError } from '../native-error.js';
import type { Endpoint } from '../net/address.js';
import { NftTable } from './nft-table.js';

/**
 * Keeps the host's kernel from resetting one connection that is not its own but a program's, over a raw socket. What a program
 * sends has an owner, what the kernel answers by itself has none: that is dropped, and only between these two endpoints.
 * It lasts until `remove()`, or until this process ends in whatever way.
 */
export class ResetGuard {
  readonly #table: NftTable;
  readonly #keeper: ChildProcess;

  /** @throws ToaError ERR_TOA_NO_COMMAND where nftables is not installed, ERR_TOA_PERMISSION, ERR_TOA_COMMAND */
  constructor(source: Endpoint, destination: Endpoint) {
    this.#table = guardTable(source, destination);
    this.#keeper = keep(this.#table.name);
  }

  remove(): void {
    this.#table.remove();
    this.#keeper.kill('SIGKILL');
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}

function guardTable(source: Endpoint, destination: Endpoint): NftTable {
  const ip = source.family === 4 ? 'ip' : 'ip6';
  const hosts = `${ip} saddr ${source.address} ${ip} daddr ${destination.address}`;
  const connection = `${hosts} tcp sport ${source.port} tcp dport ${destination.port}`;
  // Before connection tracking, which would take the reset for the connection's end.
  const body = `  chain output {
    type filter hook output priority -300; policy accept;
    ${connection} meta skuid >= 0 accept
    ${connection} drop
  }`;
  try {
    return new NftTable('inet', body);
  } catch (error) {
    if (error instanceof ToaError && /Operation not permitted/.test(error.message)) {
      throw nativeError('keep the kernel from resetting the connection', -constants.errno.EPERM);
    }
    throw error;
  }
}

/**
 * A process that takes the table away when this one has been killed: its standard input ends then. In a session of its
 * own, or Ctrl-C would end it first.
 */
function keep(table: string): ChildProcess {
  const script = 'read -r _; exec nft delete table inet "$1"';
  const keeper = spawn('sh', ['-c', script, 'sh', table], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Without a shell there is no keeper: a table that is left is replaced by the next.
  keeper.on('error', () => {});
  keeper.unref();
  return keeper;
}
