import { join } from 'node:path';
import { cacheFolder } from '../cache.js';

/** Where a C program of test/vm/programs is, once it is compiled for a kind of machine (as Node names it). */
export function compiled(name: string, architecture: string = process.arch): string {
  return join(cacheFolder, `programs-${architecture}`, name);
}
