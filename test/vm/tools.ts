import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Architecture } from './kernels/catalog.js';

/** Programs that the tests in virtual machines call, and the Debian packages that they are in. */
const TOOLS: readonly (readonly [program: string, debianPackage: string])[] = [
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['busybox', 'busybox-static'],
  ['cpio', 'cpio'],
  ['xz', 'xz-utils'],
  ['depmod', 'kmod'],
  ['dpkg-deb', 'dpkg'],
  ['gcc', 'gcc'],
  ['sparse', 'sparse'],
  ['make', 'make'],
  ['ip', 'iproute2'],
  ['nft', 'nftables'],
  ['ethtool', 'ethtool'],
  ['sysctl', 'procps'],
  ['ipvsadm', 'ipvsadm'],
  ['curl', 'curl'],
  ['wrk', 'wrk'],
  ['nginx', 'nginx-light'],
  ['python3', 'python3'],
];

/** Those for guests of arm64. */
const ARM_TOOLS: typeof TOOLS = [
  ['qemu-system-aarch64', 'qemu-system-arm'],
  ['aarch64-linux-gnu-gcc', 'gcc-aarch64-linux-gnu'],
  ['aarch64-linux-gnu-g++', 'g++-aarch64-linux-gnu'],
];

/** Puts the folders of administrators' programs onto the search path: they are not on everybody's. */
export function widenPath(): void {
  process.env.PATH = [process.env.PATH, '/usr/sbin', '/sbin'].join(delimiter);
}

/** The Debian packages of the programs that are not here. */
export function missingPackages(architectures: ReadonlySet<Architecture>): string[] {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const tools = architectures.has('arm64') ? [...TOOLS, ...ARM_TOOLS] : TOOLS;
  const missing = tools.filter(([program]) => !folders.some((folder) => isExecutable(join(folder, program))));
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
