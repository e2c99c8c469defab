import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/native.js';

/** Stands between the two parts of bench/RESULTS.md: each command that measures writes its own, and leaves the other as it is. */
const border = '<!-- From here on written by `npm run test:vm -- --cost --write`. -->';

/** Writes what `npm run bench` has measured (`bench`), or what the kernel module costs (`module`). */
export function writeResults(
  part: 'bench' | 'module',
  text: string,
  path: string = join(packageRoot, 'bench', 'RESULTS.md'),
): void {
  const [bench = '', module = ''] = existsSync(path) ? readFileSync(path, 'utf8').split(border) : [];
  const parts = { bench, module, [part]: text };
  writeFileSync(path, `${parts.bench.trim()}\n\n${border}\n\n${parts.module.trim()}\n`);
}
