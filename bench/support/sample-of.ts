import { execFileSync } from 'node:child_process';

/** A slow machine may need a minute to set a case up; what takes longer hangs. In milliseconds. */
const PATIENCE = 300_000;

/** What a program of ours measures in a process of its own, and prints as JSON. */
export function sampleOf<Sample>(program: string, ...args: readonly (string | number)[]): Sample {
  const printed = execFileSync(process.execPath, [program, ...args.map(String)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: PATIENCE,
  });
  return JSON.parse(printed) as Sample;
}
