/** What the machine outside and the guest inside agree on. */

/** Where the guest sees the folder that it may write. */
export const RESULTS = '/mnt';

/** The port of QEMU's isa-debug-exit: writing n there ends QEMU with status 2n + 1. */
export const VERDICT_PORT = 0xf4;

/** Where a guest without such a port writes its verdict, before it switches itself off. */
export const VERDICT_FILE = 'verdict';

/**
 * The commands of a shell that end QEMU with a verdict of one octal digit: through the port on a PC; else through a
 * file and the end of the machine.
 */
export function verdictCommand(verdict: string): string {
  return [
    `verdict=${verdict}`,
    `[ "$(uname -m)" = x86_64 ] && printf "\\\\00$verdict" | dd of=/dev/port bs=1 seek=${VERDICT_PORT} 2>/dev/null`,
    `printf "\\\\00$verdict" >${RESULTS}/${VERDICT_FILE}`,
    'echo o >/proc/sysrq-trigger',
    'sleep 10',
  ].join('; ');
}

/** n, when the guest went all its way: nothing that a program that fails would exit with. One octal digit. */
export const VERDICT_DONE = 5;

/** What the guest is asked to do. */
export interface Job {
  /** Names of cases, in order. */
  readonly cases: readonly string[];
  /** Where toa.ko is. */
  readonly module: string;
  /** The folder whose lib/modules is that of the running kernel. */
  readonly modulesRoot: string;
}

/** The file in which the guest leaves what a case has found, for it to be judged outside. */
export function evidenceFile(name: string): string {
  return `evidence-${name.replaceAll(/\W+/g, '-')}.json`;
}

export type Outcome = 'pass' | 'fail' | 'not applicable';

/** A line of the guest's report: a case that begins, or one that has ended. */
export type ReportLine =
  | { readonly begins: string }
  | { readonly ended: string; readonly outcome: Outcome; readonly detail: string; readonly ms: number };

/** What calls cost, in instructions (nanoseconds of a guest that counts them). */
export interface CallCosts {
  /** getpeername() on a connection without an option, over IPv4 and IPv6. */
  readonly plain4: number;
  readonly plain6: number;
  /** The same on one that came with an option. */
  readonly toa4: number;
  readonly toa6: number;
  /** Opening, accepting and closing a connection over the loopback. */
  readonly accept: number;
}

/** What a guest that measures has found. */
export interface Costs {
  readonly without: CallCosts;
  readonly loaded: CallCosts;
  /** After unloading: how far two equal measurements differ. */
  readonly again: CallCosts;
  /** Memory of the module's own, for a connection that came with an option and for one that came without. */
  readonly bytesWithOption: number;
  readonly bytesWithoutOption: number;
}
