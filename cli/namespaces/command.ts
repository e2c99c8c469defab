import { spawnSync } from 'node:child_process';
import { ToaError } from '../../lib/errors.js';

/** Receives every command line before it runs, as `[+] client: ip link set lo up`. */
export type Echo = (line: string) => void;

/** What standard output is used for when nobody asked for something else: nothing, unless TOA_VERBOSE is set. */
export const defaultEcho: Echo = (line) => {
  if (process.env.TOA_VERBOSE) process.stderr.write(`${line}\n`);
};

/**
 * Runs a command to its end and returns what it wrote to standard output. Synchronous on purpose: networks are
 * taken down in 'exit' handlers, where nothing else runs.
 * @throws ToaError ERR_TOA_COMMAND with the command line, its exit status and what it said
 */
export function runCommand(command: string, args: readonly string[], input?: string): string {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 30_000,
    ...(input === undefined ? {} : { input }),
  });
  if (result.status === 0) return result.stdout;
  const line = [command, ...args].join(' ');
  const said = result.error?.message ?? result.stderr.trim();
  const ended = result.signal === null ? `exit status ${result.status}` : `signal ${result.signal}`;
  throw new ToaError('ERR_TOA_COMMAND', `\`${line}\` failed with ${ended}: ${said}`, { cause: result.error });
}
