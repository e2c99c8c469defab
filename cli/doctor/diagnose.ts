import type { Check, Finding, Subject } from './check.js';

/** A check and what it found out. `remedy` is null where nothing is to be done. */
export interface Diagnosis {
  readonly check: string;
  readonly state: Finding['state'];
  readonly finding: string;
  readonly remedy: string | null;
}

/** Runs checks, one after the other. */
export async function diagnose(checks: readonly Check[], subject: Subject): Promise<Diagnosis[]> {
  const diagnoses: Diagnosis[] = [];
  for (const check of checks) {
    const found = await check.run(subject);
    const { state, finding } = found;
    diagnoses.push({ check: check.name, state, finding, remedy: found.state === 'ok' ? null : found.remedy });
  }
  return diagnoses;
}
