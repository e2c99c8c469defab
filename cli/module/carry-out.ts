import { ToaError } from '../../lib/errors.js';
import { print, say } from '../output/streams.js';
import { type Command, type Outcome, runToEnd, shellLine } from './command.js';

/** Puts the failure of a command into words that say more than its own; undefined where there are none. */
export type Explain = (command: Command, outcome: Outcome) => ToaError | undefined;

/**
 * Runs commands one after the other, each announced on standard error, until one fails; or, with `dryRun`, only prints
 * them as a shell would take them.
 * @throws ToaError ERR_TOA_PERMISSION (not root), ERR_TOA_COMMAND (with what the command said), or what `explain` makes of it
 */
export function carryOut(commands: readonly Command[], dryRun = false, explain?: Explain): void {
  if (dryRun) {
    for (const command of commands) print(shellLine(command));
    return;
  }
  if (commands.length > 0) requireRoot();
  for (const command of commands) {
    say(`+ ${shellLine(command)}`);
    const outcome = runToEnd(command);
    if (outcome.status === 0) continue;
    throw explain?.(command, outcome) ?? failure(command, outcome);
  }
}

function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new ToaError('ERR_TOA_PERMISSION', 'only root can do this', {
    hint: 'use sudo; --dry-run shows the commands to anybody',
  });
}

function failure({ program, args }: Command, { status, said }: Outcome): ToaError {
  const end = said.split('\n').slice(-20).join('\n');
  const line = shellLine({ program, args });
  return new ToaError('ERR_TOA_COMMAND', `\`${line}\` failed with exit status ${status}:\n${end}`);
}
