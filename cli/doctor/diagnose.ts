import { type Check, type Finding, type Subject, unknown } from './check.js';

/** A check and what it found out. `remedy` is null where nothing is to be done. */
export interface Diagnosis {
  readonly check: string;
  readonly state: Finding['state'];
  readonly finding: string;
  readonly remedy: string | null;
}

/** Runs checks, one after the other. One that fails itself does not keep the others from running. */
export async function diagnose(checks: readonly Check[], subject: Subject): Promise<Diagnosis[]> {
  const diagnoses: Diagnosis[] = [];
  for (const check of checks) {
    const found = await Promise.resolve(subject).then(check.run).catch(unfinished);
    const { state, finding } = found;
    diagnoses.push({ check: check.name, state, finding, remedy: found.state === 'ok' ? null : found.remedy });
  }
  return diagnoses;
}

function unfinished(error: unknown): Finding {
  const [line = ''] = String(error instanceof Error ? error.message : error).split('\n');
  return unknown(`the check itself failed: ${line}`, 'please report it');
}
