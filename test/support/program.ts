import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

export interface RunningProgram {
  readonly child: ChildProcess;
  /** The next line that it prints; throws when it has ended instead, with what it wrote to standard error. */
  line(): Promise<string>;
  /** Its exit code, and what it wrote to standard error. */
  ended(): Promise<{ readonly code: number | null; readonly stderr: string }>;
}

/** Runs Node with these arguments; the program is stopped when the test ends. */
export function runNode(
  t: TestContext,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string; stdio?: readonly number[] } = {},
): RunningProgram {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe', ...(options.stdio ?? [])],
    env: { ...process.env, ...options.env },
    ...(options.cwd && { cwd: options.cwd }),
  });
  const exit = once(child, 'exit');
  t.after(async () => {
    child.kill();
    await exit;
  });
  const stderr = text(child.stderr!);
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
  return {
    child,
    line: async () => {
      const { done, value } = await lines.next();
      if (done) throw new Error(`${args.join(' ')} ended: ${await stderr}`);
      return value;
    },
    ended: async () => ({ code: (await exit)[0] as number | null, stderr: await stderr }),
  };
}
