import { spawnSync } from 'node:child_process';
import { ToaError } from '../../lib/errors.js';

/** A program with its arguments, and what it reads from standard input. No shell has a part in it. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: string;
}

/** How it ended, and what it said on both of its outputs, in English. */
export interface Outcome {
  readonly status: number | null;
  readonly said: string;
  readonly stdout: string;
}

/** Runs a command to its end, however long that takes: a build may take minutes. Throws where there is no such program. */
export function runToEnd({ program, args, input = '' }: Command): Outcome {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    input,
    maxBuffer: 1 << 26,
    // The folders of administrators' programs are not on everybody's path; what programs say is read below.
    env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' },
  });
  if (error !== undefined) {
    throw new ToaError('ERR_TOA_COMMAND', `\`${program}\` did not run: ${error.message}`, { cause: error });
  }
  return { status, stdout, said: `${stdout}${stderr}`.trim() };
}

/** The command as a line for a shell, with a here-document where it reads something. */
export function shellLine({ program, args, input }: Command): string {
  const line = [program, ...args].map(quote).join(' ');
  return input === undefined ? line : `${line} <<'END'\n${input}END`;
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
