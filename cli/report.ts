import { CommanderError } from 'commander';
import { ToaError } from '../lib/errors.js';
import { exitStatus, statusOf, statusOfSystemCall } from './exit-status.js';
import { say } from './output/streams.js';

/**
 * Puts an error into words on standard error, with what to do next, and says what to exit with.
 * @param command the command that ran, by its words, such as `toa lb run`
 */
export function report(error: unknown, command: string): number {
  // Commander has said its words already; help and version come this way too.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.ok : exitStatus.usage;
  if (error instanceof ToaError) {
    const status = statusOf(error.code);
    if (status !== exitStatus.interrupted)
      say(`toa: ${error.message}${error.hint === undefined ? `\n${nextStep(status, command)}` : ''}`);
    return status;
  }
  if (isSystemError(error)) {
    const status = statusOfSystemCall(error.code);
    say(`toa: ${error.message}\n${nextStep(status, command)}`);
    return status;
  }
  say(`toa: unexpected error: ${error instanceof Error ? error.stack : error}`);
  say('(this is a fault of toakit: please report these lines, and what you ran)');
  return exitStatus.failed;
}

/** For errors that know no better: where to look. */
function nextStep(status: number, command: string): string {
  if (status === exitStatus.usage) return `(${command} --help shows what it takes)`;
  if (status === exitStatus.permission) return '(run it as root, or with sudo)';
  return '(toa doctor looks for what is wrong here)';
}

function isSystemError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}
