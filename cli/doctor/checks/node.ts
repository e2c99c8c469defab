import { type Check, failure, ok } from '../check.js';

/** Node.js, by the versions that package.json names (engines). */
export const node: Check = {
  name: 'Node.js',
  run: () =>
    isSupported(process.versions.node)
      ? ok(process.version)
      : failure(`${process.version}: wanted 20.19, or 22.12 and later`, 'install a newer Node.js'),
};

/** Whether a version is `^20.19.0 || >=22.12.0`. */
export function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
}
