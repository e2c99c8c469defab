import { spawnSync } from 'node:child_process';
import { ToaError } from '../errors.js';

/**
 * Runs a command to its end and returns what it wrote to standard output. Synchronous on purpose: what was set up
 * on a host is also taken down in 'exit' handlers, where nothing else runs.
 * @throws ToaError ERR_TOA_COMMAND with the command line, how it ended and what it said
 */
export function runCommand(command: string, args: readonly string[], input?: string): string {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 30_000,
    ...(input === undefined ? {} : { input }),
  });
  if (result.status === 0) return result.stdout;
  const line = [command, ...args].join(' ');
  if (result.error !== undefined) {
    throw new ToaError('ERR_TOA_COMMAND', `\`${line}\` did not run: ${result.error.message}`, {
      cause: result.error,
    });
  }
  const ended = result.signal === null ? `exit status ${result.status}` : `signal ${result.signal}`;
  throw new ToaError('ERR_TOA_COMMAND', `\`${line}\` failed with ${ended}: ${result.stderr.trim()}`);
}
