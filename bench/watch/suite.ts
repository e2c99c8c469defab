import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Network } from '../../cli/namespaces/network.js';
import { progress } from '../support/progress.js';
import { type Summary, summarizeRounds } from '../support/statistics.js';

const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const blaster = fileURLToPath(new URL('conversation-blaster.js', import.meta.url));

/** What is offered: packets per second, every tenth of which begins a connection. */
export const OFFERED = 100_000;

export interface WatchResults {
  /** Packets per second that were offered, as the sender counts them. */
  offered: Summary;
  /** Of those, in parts of one, the ones that `toa watch` did not see. */
  lost: Summary;
  /** Processor time of `toa watch`, user and system, in microseconds for each packet; at 10 one core is busy. */
  cpu: Summary;
}

type Sample = Record<keyof WatchResults, number>;

/** Measures whether `toa watch` keeps up, a line of JSON for each connection included, which go to a file. */
export async function benchWatch(rounds: number, seconds: number): Promise<WatchResults> {
  const samples: Sample[] = [];
  for (let round = 1; round <= rounds; round++) {
    progress(`round ${round}/${rounds} watch`);
    samples.push(await measure(seconds));
  }
  return summarizeRounds(samples);
}

async function measure(seconds: number): Promise<Sample> {
  using network = new Network();
  const folder = mkdtempSync(join(tmpdir(), 'toa-bench-'));
  const file = join(folder, 'events');
  try {
    const sender = network.namespace('sender');
    const watcher = network.namespace('watcher');
    network.cable({ namespace: sender, device: 'eth0' }, { namespace: watcher, device: 'eth0' });
    const watch = watcher.start('sh', [
      '-c',
      'exec "$@" >"$0"',
      file,
      process.execPath,
      main,
      'watch',
      'eth0',
      '--json',
    ]);
    await watch.line(/^watching/);
    const before = processorTime(watch.child.pid!);
    const { code, stdout, stderr } = await sender.run(process.execPath, [
      blaster,
      'eth0',
      `${OFFERED}`,
      `${seconds}`,
    ]);
    if (code !== 0) throw new Error(`the packets were not sent: ${stderr}`);
    const cpu = processorTime(watch.child.pid!) - before;
    await watch.stop('SIGINT');
    const [sent = 0, elapsed = 0] = stdout.toString().split(' ').map(Number);
    const last = readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? '';
    const { packets } = JSON.parse(last) as { packets: number };
    return { offered: sent / elapsed, lost: (sent - packets) / sent, cpu: cpu / packets };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Processor time of a process so far, in microseconds (proc(5): utime and stime, in hundredths of a second). */
function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
