import { spawnSync } from 'node:child_process';

/** Runs a shell script to its end and returns what it wrote; throws with what it said if a command in it fails. */
export function runShell(script: string): string {
  const { status, stdout, stderr, error } = spawnSync('sh', ['-ec', script], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script}: ${error?.message ?? stderr}`);
  return stdout;
}
