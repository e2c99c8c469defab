import { table } from '../../cli/output/table.js';
import type { CaseResult } from './suite.js';

/** The results of one kernel, by the names of the cases. */
export interface KernelResults {
  /** As reports name it: `6.1.192`. */
  readonly version: string;
  readonly results: ReadonlyMap<string, CaseResult>;
}

const marks = { pass: 'pass', fail: 'FAIL', 'not applicable': '-' } as const;

/** A line for each case, a column for each kernel. */
export function toTable(names: readonly string[], kernels: readonly KernelResults[]): string {
  const columns = ['case', ...kernels.map(({ version }) => version)].map((heading) => ({ heading }));
  const rows = names.map((name) => [
    name,
    ...kernels.map(({ results }) => {
      const result = results.get(name);
      return result === undefined ? '' : marks[result.outcome];
    }),
  ]);
  return table(columns, rows);
}

export function toJson(kernels: readonly KernelResults[]): string {
  const entries = kernels.map(({ version, results }) => {
    const outcomes = [...results].map(([name, { outcome }]) => [name, outcome] as const);
    return [version, Object.fromEntries(outcomes)] as const;
  });
  return JSON.stringify({ kernels: Object.fromEntries(entries) }, undefined, 2);
}
