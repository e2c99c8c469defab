import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { ToaError } from '../errors.js';
import { nativeError } from '../native-error.js';
import { runCommand } from './command.js';
import { hostConflicts } from './host-conflicts.js';
import { shieldRules } from './shield-rules.js';

const prefix = 'toakit_';

/**
 * Keeps the host from handling the balancer's frames as well, from its creation to `remove()`. The table's name says
 * whose it is (pid and the process's start time), so that one left by a crash is known and replaced by the next.
 * @throws ToaError ERR_TOA_SHIELD where nftables cannot be used and the host would answer or forward
 */
export class Shield {
  /** Name of the nftables table in the family netdev; undefined where none is needed and none could be made. */
  readonly table: string | undefined;
  readonly #onExit = () => this.remove();

  constructor(interfaces: readonly string[], addresses: readonly string[]) {
    for (const device of interfaces) {
      if (/["\\\p{Cc}]/u.test(device)) {
        throw new ToaError(
          'ERR_TOA_SHIELD',
          `interface ${JSON.stringify(device)} cannot be named to nftables`,
        );
      }
    }
    const table = `${prefix}${process.pid}_${startTime(process.pid)}`;
    try {
      // One transaction: the host is not without a shield between the old one and the new.
      const removals = staleTables().map((name) => `delete table netdev ${name}\n`);
      runCommand('nft', ['-f', '-'], `${removals.join('')}${shieldRules(table, interfaces, addresses)}`);
      this.table = table;
    } catch (error) {
      this.table = undefined;
      refuseConflicts(error, interfaces, addresses);
    }
    if (this.table !== undefined) process.on('exit', this.#onExit);
  }

  /** Takes the shield away. Safe to call twice, and when the interface has gone in the meantime. */
  remove(): void {
    if (this.table === undefined) return;
    process.off('exit', this.#onExit);
    try {
      runCommand('nft', ['delete', 'table', 'netdev', this.table]);
    } catch {
      // The kernel removes it together with the interface.
    }
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}

function refuseConflicts(error: unknown, interfaces: readonly string[], addresses: readonly string[]): void {
  const conflicts = hostConflicts(interfaces, addresses);
  if (conflicts.length === 0) return;
  const said = error instanceof Error ? error.message : String(error);
  if (/Operation not permitted/.test(said)) throw nativeError('shield the host', -constants.errno.EPERM);
  throw new ToaError('ERR_TOA_SHIELD', `the host cannot be kept out: ${conflicts.join('; ')}. ${said}`, {
    cause: error,
    hint: 'install nftables and run as root, or take the addresses off the host and switch forwarding off',
  });
}

/** Tables of balancers that are no more. */
function staleTables(): string[] {
  const listed = JSON.parse(runCommand('nft', ['-j', 'list', 'tables', 'netdev'])) as {
    nftables: { table?: { name: string } }[];
  };
  return listed.nftables.flatMap(({ table }) => {
    const [, pid, started] = /^toakit_(\d+)_(\d+)$/.exec(table?.name ?? '') ?? [];
    return table === undefined || pid === undefined || startTime(Number(pid)) === started ? [] : [table.name];
  });
}

/** When a process started, in clock ticks since boot (field 22 of /proc/PID/stat); undefined if there is none. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, and may have spaces and parentheses itself.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
