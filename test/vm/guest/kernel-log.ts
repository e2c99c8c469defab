import { constants, openSync, readSync } from 'node:fs';

/** Lines that a kernel writes when something in it is wrong. */
const TROUBLE =
  /\bBUG\b|WARNING: |Oops|general protection fault|refcount_t|use-after-free|scheduling while atomic|list_(add|del) corruption|cache still has objects|Objects remaining|UBSAN|suspicious RCU|unregister_netdevice: waiting|hung_task|blocked for more than/;
/** Of QEMU's machine, not of a fault. */
const HARMLESS = /MP-BIOS bug|RETBleed|Spectre|taints kernel|tainting kernel/;

/** The kernel's log, read on from where one was. */
export class KernelLog {
  readonly #fd = openSync('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
  readonly #record = Buffer.alloc(8192);

  constructor() {
    this.fresh();
  }

  /** The lines since the last call. */
  fresh(): string[] {
    const lines: string[] = [];
    for (;;) {
      try {
        const length = readSync(this.#fd, this.#record);
        lines.push(
          this.#record
            .toString('utf8', 0, length)
            .replace(/^[^;]*;/, '')
            .split('\n', 1)[0]!,
        );
      } catch (error) {
        // EPIPE: records were overwritten before they were read; reading goes on with the oldest one there is.
        if ((error as NodeJS.ErrnoException).code !== 'EPIPE') return lines;
      }
    }
  }

  /** Those of the fresh lines that tell of trouble. */
  static trouble(lines: readonly string[]): string[] {
    return lines.filter((line) => TROUBLE.test(line) && !HARMLESS.test(line));
  }
}
