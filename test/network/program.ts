import { fileURLToPath } from 'node:url';

/** The path of a compiled program in `test/network/programs`. */
export function program(name: string): string {
  return fileURLToPath(new URL(`programs/${name}.js`, import.meta.url));
}
