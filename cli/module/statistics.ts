import type { System } from './system.js';

/** The module's counters in this network namespace, summed over the processors; undefined where it is not loaded. */
export function readStatistics(system: System): Record<string, number> | undefined {
  const text = system.read('/proc/net/toa_stats');
  return text === undefined ? undefined : parseStatistics(text);
}

/** Reads /proc/net/toa_stats: a row for each counter, with a column for each processor; the first line names those. */
export function parseStatistics(text: string): Record<string, number> {
  const rows = [...text.matchAll(/^(\w+)\s*:((?:\s*\d+)+)/gm)].map(([, name, counts]) => [
    name,
    counts!
      .trim()
      .split(/\s+/)
      .reduce((sum, count) => sum + Number(count), 0),
  ]);
  return Object.fromEntries(rows);
}
