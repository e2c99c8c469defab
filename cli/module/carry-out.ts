import { ToaError } from '../../lib/errors.js';
import { withProgress } from '../output/progress.js';
import { print, printJson, say } from '../output/streams.js';
import { type Command, type Outcome, run, shellLine } from './command.js';

/** Puts the failure of a command into words that say more than its own; undefined where there are none. */
export type Explain = (command: Command, outcome: Outcome) => ToaError | undefined;

/** What was asked for beside the action itself. */
export interface Manner {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/**
 * Runs the commands of an action one after the other, each announced on standard error, until one fails; or, with `dryRun`,
 * only prints them as a shell would take them. With `json` they are told at the end, and whether they ran.
 * @param action the word behind `toa module`
 * @throws ToaError ERR_TOA_PERMISSION (not root), ERR_TOA_COMMAND (with what the command said), or what `explain` makes of it
 */
export async function carryOut(
  action: string,
  commands: readonly Command[],
  { dryRun = false, json = false }: Manner,
  explain?: Explain,
): Promise<void> {
  if (!dryRun) await runAll(commands, explain);
  const lines = commands.map(shellLine);
  if (json) printJson(`module-${action}/1`, { done: !dryRun, commands: lines });
  else if (dryRun) for (const line of lines) print(line);
}

async function runAll(commands: readonly Command[], explain?: Explain): Promise<void> {
  if (commands.length > 0) requireRoot();
  for (const command of commands) {
    const line = shellLine(command);
    say(`+ ${line}`);
    const outcome = await withProgress(line, run(command));
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
