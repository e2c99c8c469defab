import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs that the tests in virtual machines call, and the Debian packages that they are in. */
const TOOLS: readonly (readonly [program: string, debianPackage: string])[] = [
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['busybox', 'busybox-static'],
  ['cpio', 'cpio'],
  ['xz', 'xz-utils'],
  ['depmod', 'kmod'],
  ['dpkg-deb', 'dpkg'],
  ['gcc', 'gcc'],
  ['make', 'make'],
  ['ip', 'iproute2'],
  ['nft', 'nftables'],
  ['ethtool', 'ethtool'],
  ['curl', 'curl'],
  ['wrk', 'wrk'],
  ['nginx', 'nginx-light'],
  ['python3', 'python3'],
];

/** Puts the folders of administrators' programs onto the search path: they are not on everybody's. */
export function widenPath(): void {
  process.env.PATH = [process.env.PATH, '/usr/sbin', '/sbin'].join(delimiter);
}

/** The Debian packages of the programs that are not here. */
export function missingPackages(): string[] {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const missing = TOOLS.filter(([program]) => !folders.some((folder) => isExecutable(join(folder, program))));
  return [...new Set(missing.map(([, name]) => name))];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
