/** Compilers of other releases of Debian, unpacked into a folder to be used by chroot. */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../cache.js';
import { run } from '../run.js';
import { aptFor } from './fetch.js';
import type { Mirror } from './mirror.js';

/** What the kernel's makefiles call, and what the programs in linux-kbuild are linked with. */
const PACKAGES = [
  ...['make', 'dash', 'bash', 'coreutils', 'sed', 'grep', 'mawk', 'findutils', 'diffutils', 'perl'],
  ...['libelf1t64', 'libssl3t64', 'zlib1g', 'xz-utils', 'gzip', 'sparse'],
];

/** The root folder of a toolchain of that suite with that compiler (a Debian package: `gcc-14`). */
export async function toolchain(
  suite: string,
  compiler: string,
  mirror: Mirror,
  say: (text: string) => void,
): Promise<string> {
  const root = join(cacheFolder, 'toolchains', `${suite}-${compiler}`);
  const stamp = join(root, '.complete');
  const packages = [compiler, ...PACKAGES];
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === packages.join(' ')) return root;
  say(`fetching ${compiler} of ${suite}`);
  rmSync(root, { recursive: true, force: true });
  for (const folder of ['bin', 'lib', 'lib64', 'sbin']) {
    mkdirSync(join(root, 'usr', folder), { recursive: true });
    symlinkSync(`usr/${folder}`, join(root, folder));
  }
  for (const folder of ['dev', 'proc', 'tmp']) mkdirSync(join(root, folder));
  const apt = await aptFor(mirror, { suite, archive: 'main' }, 'amd64');
  await apt.downloadWithDependencies(packages, async (file) => {
    await run('dpkg-deb', ['--extract', file, root]);
  });
  symlinkSync('mawk', join(root, 'usr/bin/awk'));
  writeFileSync(stamp, packages.join(' '));
  return root;
}

/** The command that runs `command` inside a toolchain, with the cache visible at its own path. Its mounts end with it. */
export function inside(root: string, command: readonly string[]): [string, string[]] {
  const script = [
    'mount --rbind /dev "$0/dev"',
    'mount --rbind /proc "$0/proc"',
    'mkdir -p "$0$1"',
    'mount --bind "$1" "$0$1"',
    'root=$0; shift',
    'exec chroot "$root" env -i PATH=/usr/bin LC_ALL=C "$@"',
  ].join(' && ');
  const flags = process.getuid!() === 0 ? ['-m'] : ['-Urm'];
  return [
    'unshare',
    [...flags, '--propagation', 'private', 'sh', '-ec', script, root, cacheFolder, ...command],
  ];
}
