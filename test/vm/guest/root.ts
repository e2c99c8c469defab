/** What a guest has for its root, to be read only: this machine's files, or for another kind of machine a small Debian. */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildAddon } from '../../../lib/build-addon.js';
import { packageRoot } from '../../../lib/native.js';
import { cacheFolder } from '../cache.js';
import type { Architecture } from '../kernels/catalog.js';
import { aptFor } from '../kernels/fetch.js';
import type { Mirror } from '../kernels/mirror.js';
import { run } from '../run.js';

export interface GuestRoot {
  readonly path: string;
  /** Node, as the guest sees it. */
  readonly node: string;
  /** Whether this checkout has to be shown to the guest besides. */
  readonly isForeign: boolean;
}

/** The programs that the guest and its cases call. */
const PACKAGES = [
  ...[
    'bash',
    'busybox-static',
    'coreutils',
    'curl',
    'dash',
    'grep',
    'iproute2',
    'kmod',
    'mawk',
    'mount',
    'nftables',
    'nginx-light',
  ],
  ...['nodejs', 'procps', 'python3', 'sed', 'util-linux', 'wrk'],
];

export async function guestRoot(
  architecture: Architecture,
  mirror: Mirror,
  say: (text: string) => void,
): Promise<GuestRoot> {
  if (architecture === 'amd64') return { path: '/', node: process.execPath, isForeign: false };
  const path = join(cacheFolder, 'roots', architecture);
  const stamp = join(path, '.complete');
  const packages = PACKAGES.join(' ');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== packages) {
    say(`fetching programs for ${architecture}`);
    rmSync(path, { recursive: true, force: true });
    for (const folder of ['bin', 'lib', 'sbin']) {
      mkdirSync(join(path, 'usr', folder), { recursive: true });
      symlinkSync(`usr/${folder}`, join(path, folder));
    }
    for (const folder of ['dev', 'etc', 'mnt', 'proc', 'root', 'run', 'sys', 'tmp']) {
      mkdirSync(join(path, folder), { recursive: true });
    }
    // Of trixie: it has the Node that this package asks for.
    const apt = await aptFor(mirror, { suite: 'trixie', archive: 'main' }, architecture);
    await apt.downloadWithDependencies(PACKAGES, async (file) => {
      await run('dpkg-deb', ['--extract', file, path]);
    });
    if (!existsSync(join(path, 'usr/bin/awk'))) symlinkSync('mawk', join(path, 'usr/bin/awk'));
    writeFileSync(join(path, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
    writeFileSync(join(path, 'etc/group'), 'root:x:0:\n');
    writeFileSync(stamp, packages);
  }
  const addon = { output: foreignAddon(path), architecture: 'arm64', compiler: 'aarch64-linux-gnu-g++' };
  await buildAddon(addon);
  return { path, node: '/usr/bin/node', isForeign: true };
}

/** Where a foreign guest's build of the addon is. */
export function foreignAddon(root: string): string {
  return join(root, 'toakit.node');
}

/** Where this checkout's own build of the addon is. */
export const OWN_ADDON = join(packageRoot, 'build/Release/toakit.node');
