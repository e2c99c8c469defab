import type { Results } from '../results.js';
import { circumstances, sections } from './sections.js';
import { plainTable } from './table.js';

/** The results for a terminal. */
export function toText(results: Results): string {
  const tables = sections(results).map(({ title, rows }) => `${title}\n\n${plainTable(rows)}\n`);
  return [`${circumstances(results).join('\n')}\n`, ...tables].join('\n');
}
