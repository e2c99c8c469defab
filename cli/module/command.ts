import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
export async function run({ program, args, input = '' }: Command): Promise<Outcome> {
  // The folders of administrators' programs are not on everybody's path; what programs say is read below.
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' };
  const child = spawn(program, args, { env });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // A program that ends without reading its input is not our error.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  try {
    const [status] = (await once(child, 'close')) as [number | null];
    const said = Buffer.concat([...stdout, ...stderr])
      .toString()
      .trim();
    return { status, said, stdout: Buffer.concat(stdout).toString() };
  } catch (error) {
    throw new ToaError('ERR_TOA_COMMAND', `\`${program}\` did not run: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** The command as a line for a shell, with a here-document where it reads something. */
export function shellLine({ program, args, input }: Command): string {
  const line = [program, ...args].map(quote).join(' ');
  return input === undefined ? line : `${line} <<'END'\n${input}END`;
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
