import { outputWidth } from './streams.js';
import { wrap } from './wrap.js';

/** Columns of the names; two spaces in front make one that belongs to the one above. */
const NAMES = 12;

/** Named values, a line each; those that are undefined are left out. A long value goes on in further lines. */
export function fields(
  rows: readonly (readonly [name: string, value: string | undefined])[],
  width = outputWidth(),
): string {
  return rows
    .flatMap(([name, value]) => {
      if (value === undefined) return [];
      const [first, ...more] = wrap(value, width - NAMES);
      return [`${name.padEnd(NAMES)}${first}`, ...more.map((line) => ' '.repeat(NAMES) + line)];
    })
    .join('\n');
}
