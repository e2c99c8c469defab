/** All cases that run in guests, in one kernel: boots it as often as it takes. */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cache.js';
import { cases } from './cases/index.js';
import { evidenceFile, type Outcome, type ReportLine } from './guest/agreement.js';
import { boot, type End } from './guest/boot.js';
import { packInitramfs } from './guest/initramfs.js';
import type { GuestRoot } from './guest/root.js';
import { prepareShare } from './guest/share.js';
import type { Kernel } from './kernels/fetch.js';
import { TemporaryFolder } from './temporary-folder.js';

/** How a case ended in a kernel, and for a failure why. */
export interface CaseResult {
  readonly outcome: Outcome;
  readonly detail: string;
  readonly ms: number;
}

const logFolder = join(cacheFolder, 'logs');

/** Seconds for the boot, and for each case, after which a guest that says nothing counts as hung: more than the most patient case has. */
const PATIENCE = 330;

/** Runs `names` in the kernel. A case with which the kernel dies has failed; the others go on in a new guest. */
export async function runCases(
  kernel: Kernel,
  module: string,
  root: GuestRoot,
  names: readonly string[],
): Promise<Map<string, CaseResult>> {
  const results = new Map<string, CaseResult>();
  using folder = new TemporaryFolder('vm');
  const initramfs = join(folder.path, 'initramfs');
  await packInitramfs(kernel, root, initramfs);
  for (let left = names; left.length > 0; left = names.filter((name) => !results.has(name))) {
    const share = mkdtempSync(join(folder.path, 'guest-'));
    prepareShare(share, 'main', { cases: left, module, modulesRoot: kernel.root }, root);
    const report = join(share, 'report.jsonl');
    const end = await boot(kernel, {
      initramfs,
      root,
      results: share,
      heartbeat: report,
      patience: PATIENCE,
    });
    keepLog(kernel, share);
    const words = lastWords(share);
    const progress = collect(report, end, words, results);
    judgeAll(share, results);
    if (!progress) throw new Error(`the guest ${end} before its first case\n${words}`);
  }
  return results;
}

/** Adds the report's lines to the results; false if it has none. */
function collect(report: string, end: End, words: string, results: Map<string, CaseResult>): boolean {
  let running: string | undefined;
  const lines = readReport(report);
  for (const line of lines) {
    if ('begins' in line) running = line.begins;
    else {
      results.set(line.ended, { outcome: line.outcome, detail: line.detail, ms: line.ms });
      running = undefined;
    }
  }
  if (running !== undefined) {
    results.set(running, { outcome: 'fail', detail: `the guest ${end} in it\n${words}`, ms: 0 });
  }
  return lines.length > 0;
}

/** Judges the evidence that a guest has left for cases which went well as far as it could see. */
function judgeAll(share: string, results: Map<string, CaseResult>): void {
  for (const { name, judge } of cases) {
    const result = results.get(name);
    const file = join(share, evidenceFile(name));
    if (judge === undefined || result?.outcome !== 'pass' || !existsSync(file)) continue;
    try {
      judge(JSON.parse(readFileSync(file, 'utf8')));
    } catch (error) {
      results.set(name, { ...result, outcome: 'fail', detail: (error as Error).message });
    }
  }
}

function readReport(path: string): ReportLine[] {
  const lines = readWhatIsThere(path)
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as ReportLine);
}

/** What the guest said last: a panic's words, or those of a program that failed. */
function lastWords(share: string): string {
  const text = ['output', 'console.log'].map((name) => readWhatIsThere(join(share, name))).join('');
  return text.trim().split('\n').slice(-40).join('\n');
}

function readWhatIsThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** Keeps what the guest's console and programs said, beside that of the kernel's earlier guests. */
export function keepLog(kernel: Kernel, share: string): void {
  mkdirSync(logFolder, { recursive: true });
  for (const name of ['console.log', 'output', 'report.jsonl']) {
    const text = readWhatIsThere(join(share, name));
    if (text !== '') appendFileSync(logFile(kernel), `--- ${name}\n${text}`);
  }
}

/** Where everything that a kernel's guests said in the last run is kept. */
export function logFile(kernel: Kernel): string {
  return join(logFolder, `${kernel.release}.log`);
}
