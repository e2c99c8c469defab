import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningProcess } from '../../cli/namespaces/process.js';

/** In ms; an emulated processor takes its time. */
const PATIENCE = 60_000;

/** Asks a running `toa lb run --json` for its counters, as an administrator does by SIGUSR2. */
export async function askCounters(running: RunningProcess): Promise<Record<string, number>> {
  const answers = () =>
    running.stdout
      .toString()
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.includes('"event":"counters"'));
  const before = answers().length;
  running.child.kill('SIGUSR2');
  const deadline = performance.now() + PATIENCE;
  while (answers().length === before) {
    if (performance.now() > deadline) throw new Error(`no counters of the balancer: ${running.stderr}`);
    await sleep(20);
  }
  return (JSON.parse(answers().at(-1)!) as { counters: Record<string, number> }).counters;
}
