import { release } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../cache.js';

/** Where a C program of test/vm/programs is, once it is compiled for a kind of machine (as Node names it). */
export function compiled(name: string, architecture: string = process.arch): string {
  return join(cacheFolder, `programs-${architecture}`, name);
}

/** Where a module is, once it is built for a kernel. */
export function builtModule(name: string, kernel: string = release()): string {
  return join(cacheFolder, 'build', kernel, name, `${name}.ko`);
}
