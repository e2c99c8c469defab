import { spawnSync } from 'node:child_process';
import { ToaError } from '../errors.js';

/**
 * Runs a command to its end and returns what it wrote to standard output. Synchronous on purpose: what was set up
 * on a host is also taken down in 'exit' handlers, where nothing else runs.
 * @throws ToaError ERR_TOA_NO_COMMAND where it is not installed; ERR_TOA_COMMAND with the command line, how it ended
 * and what it said; ERR_TOA_INTERRUPTED where Ctrl-C, which goes to us and to it, has ended it
 */
export function runCommand(command: string, args: readonly string[], input?: string): string {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 30_000,
    ...(input === undefined ? {} : { input }),
  });
  if (result.status === 0) return result.stdout;
  const line = [command, ...args].join(' ');
  if (result.signal === 'SIGINT') throw new ToaError('ERR_TOA_INTERRUPTED', `\`${line}\` was interrupted`);
  if (result.error !== undefined) throw notRun(command, line, result.error);
  const ended = result.signal === null ? `exit status ${result.status}` : `signal ${result.signal}`;
  throw new ToaError('ERR_TOA_COMMAND', `\`${line}\` failed with ${ended}: ${result.stderr.trim()}`);
}

/** Debian's packages of the commands that toakit runs. */
const packages: Readonly<Record<string, string>> = { ip: 'iproute2', nft: 'nftables', ethtool: 'ethtool' };

function notRun(command: string, line: string, cause: NodeJS.ErrnoException): ToaError {
  if (cause.code !== 'ENOENT') {
    return new ToaError('ERR_TOA_COMMAND', `\`${line}\` did not run: ${cause.message}`, { cause });
  }
  const options = { cause, hint: `install ${packages[command] ?? command}` };
  return new ToaError('ERR_TOA_NO_COMMAND', `the command \`${command}\` is missing`, options);
}
