import { join } from 'node:path';
import { cacheFolder } from '../cache.js';

/** Where a C program of test/vm/programs is, once it is compiled. */
export function compiled(name: string): string {
  return join(cacheFolder, 'programs', name);
}
