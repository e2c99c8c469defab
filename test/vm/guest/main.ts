/** The first program of ours in a guest: runs the cases of the job one after another and writes down how each ended. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { cases } from '../cases/index.js';
import { evidenceFile, type Job, type Outcome, RESULTS, type ReportLine, VERDICT_DONE } from './agreement.js';
import { type Case, Guest, within } from './guest.js';
import { KernelLog } from './kernel-log.js';
import { ToaModule } from './toa-module.js';
import { layWire } from './wire.js';
import { Witness } from './witness.js';

const job = JSON.parse(readFileSync(join(RESULTS, 'job.json'), 'utf8')) as Job;
const log = new KernelLog();
const [major, minor] = release().split('.').map(Number);
const guest = new Guest({
  module: new ToaModule(job.module),
  witness: new Witness(),
  wire: layWire(),
  kernel: 1000 * major! + minor!,
});

for (const name of job.cases) {
  const one = cases.find((candidate) => candidate.name === name)!;
  report({ begins: name });
  const started = Date.now();
  const { outcome, detail, spoiled } = await outcomeOf(one);
  report({ ended: name, outcome, detail, ms: Date.now() - started });
  if (spoiled) break; // what comes next deserves a fresh kernel
}
process.exit(VERDICT_DONE);

/** Runs a case, and looks at what it left: the module must go, without a word of trouble from the kernel. */
async function outcomeOf(one: Case): Promise<{ outcome: Outcome; detail: string; spoiled: boolean }> {
  const reason = one.unless?.(guest);
  if (reason !== undefined) return { outcome: 'not applicable', detail: reason, spoiled: false };
  const faults: string[] = [];
  let spoiled = false;
  const patience = one.patience ?? 120;
  await within(patience, one.name, one.run(guest))
    .then((evidence) => keep(one.name, evidence))
    .catch((error: unknown) => faults.push(describe(error)));
  const leftovers = await within(60, 'cleaning up', tidy()).catch((error: unknown) => [describe(error)]);
  spoiled = leftovers.length > 0;
  faults.push(...leftovers);
  const lines = log.fresh();
  const trouble = KernelLog.trouble(lines);
  if (trouble.length > 0) {
    spoiled = true;
    faults.push(...trouble);
  }
  return { outcome: faults.length === 0 ? 'pass' : 'fail', detail: faults.join('\n'), spoiled };
}

/** Undoes what a case did; answers what could not be undone. */
async function tidy(): Promise<string[]> {
  const failures = await guest.cleanUp();
  await guest.witness.reset();
  if (guest.module.loaded) guest.module.unload();
  return failures;
}

/** The message, and where in a case it happened. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const lines = (error.stack ?? error.message).split('\n');
  return lines.filter((line) => !/^ +at /.test(line) || /[/]cases[/]/.test(line)).join('\n');
}

function keep(name: string, evidence: unknown): void {
  if (evidence !== undefined) writeFileSync(join(RESULTS, evidenceFile(name)), JSON.stringify(evidence));
}

function report(line: ReportLine): void {
  appendFileSync(join(RESULTS, 'report.jsonl'), `${JSON.stringify(line)}\n`);
}
