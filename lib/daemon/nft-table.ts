import { readFileSync } from 'node:fs';
import { runCommand } from './command.js';

/** Families of nftables that we have tables in. */
export type NftFamily = 'netdev' | 'inet';

/**
 * An nftables table of this process, from its creation to `remove()` or the process's end. Its name says whose it is (pid and
 * the process's start time), so that one left by a crash is known and replaced by the next: one transaction, without a gap.
 */
export class NftTable {
  readonly name: string;
  readonly #family: NftFamily;
  readonly #onExit = () => this.remove();

  /**
   * @param body the table's chains, between its braces
   * @throws ToaError of `runCommand`, ERR_TOA_NO_COMMAND where nftables is not installed
   */
  constructor(family: NftFamily, body: string) {
    this.name = `toakit_${process.pid}_${startTime(process.pid)}`;
    this.#family = family;
    // Added before it is deleted: another process may be doing the same right now.
    const removals = staleTables(family).map(
      (stale) => `add table ${family} ${stale}\ndelete table ${family} ${stale}\n`,
    );
    runCommand('nft', ['-f', '-'], `${removals.join('')}table ${family} ${this.name} {\n${body}\n}\n`);
    process.on('exit', this.#onExit);
  }

  /** Puts another body in the place of the table's, in one transaction. @throws as the constructor; then it is as it was */
  replace(body: string): void {
    const table = `table ${this.#family} ${this.name}`;
    // Added before it is deleted: the kernel may have removed it with its interface.
    runCommand('nft', ['-f', '-'], `add ${table}\ndelete ${table}\n${table} {\n${body}\n}\n`);
  }

  /** Takes the table away. Safe to call twice, and when it has gone with its interface in the meantime. */
  remove(): void {
    process.off('exit', this.#onExit);
    try {
      runCommand('nft', ['delete', 'table', this.#family, this.name]);
    } catch {
      // The kernel removes chains of an interface together with it.
    }
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}

/** Tables of processes that are no more. */
function staleTables(family: NftFamily): string[] {
  const listed = JSON.parse(runCommand('nft', ['-j', 'list', 'tables', family])) as {
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
