import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/native.js';

/** What stands before the first part: what is in the file, and how it is measured. */
export const HEAD = '';
/** The last part. */
export const MODULE = 'The kernel module, by `npm run test:vm -- --cost --write`';
/** The part of a machine. */
export const partOf = (machine: string): string => `${machine}, by \`npm run bench -- --write\``;

const border = /^<!-- (.*) -->\n/m;

/**
 * Writes parts of bench/RESULTS.md by their names, and leaves the others as they are: each command that measures writes its
 * own, and the figures of one machine do not go when another's come. A new machine's stand before the older ones.
 */
export function writeResults(
  written: Readonly<Record<string, string>>,
  path: string = join(packageRoot, 'bench', 'RESULTS.md'),
): void {
  // Split at borders whose name is kept: text, name, text, name, text.
  const [head = '', ...rest] = existsSync(path) ? readFileSync(path, 'utf8').split(border) : [];
  const before = Object.fromEntries(
    rest.flatMap((name, i) => (i % 2 === 0 ? [[name, rest[i + 1] ?? '']] : [])),
  );
  const all: Record<string, string> = { [HEAD]: head, ...written, ...before, ...written };
  const names = Object.keys(all).filter((name) => name !== HEAD && name !== MODULE);
  if (MODULE in all) names.push(MODULE);
  const texts = names.map((name) => `<!-- ${name} -->\n\n${all[name]!.trim()}`);
  writeFileSync(path, `${[all[HEAD]!.trim(), ...texts].join('\n\n').trim()}\n`);
}
