import { outputWidth } from '../../cli/output/streams.js';
import { wrap } from '../../cli/output/wrap.js';
import type { Results } from '../results.js';
import { circumstances, sections } from './sections.js';
import { plainTable } from './table.js';

/** The results for a terminal. */
export function toText(results: Results): string {
  const tables = sections(results).map(({ title, rows }) => `${title}\n\n${plainTable(rows)}\n`);
  const about = circumstances(results).flatMap((line) => wrap(line, outputWidth()));
  return [`${about.join('\n')}\n`, ...tables].join('\n');
}
