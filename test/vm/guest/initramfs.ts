/** The first programs of a guest: busybox, the modules that reach this machine's files, and a script. */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import type { Kernel } from '../kernels/fetch.js';
import { run } from '../run.js';
import { TemporaryFolder } from '../temporary-folder.js';
import { RESULTS, verdictCommand } from './agreement.js';
import type { GuestRoot } from './root.js';

/** Modules that the guest needs before it can see this machine's files. */
const FIRST_MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];

/**
 * This machine's root is the guest's, read-only with a layer of memory on top; what it finds out goes into a second folder,
 * which it may write. The first process itself changes its root: the kernel's threads share it, and look there for
 * modprobe. The verdict is an explicit one: the end of QEMU would look the same after a panic.
 */
const INIT = `#!/bin/busybox sh
export PATH=/bin; /bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /lower /layer /merged
mount() { busybox mount "$@" || verdict 2; }
verdict() { ${verdictCommand('$1')}; }
mount -t proc proc /proc
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module" || verdict 2; done </modules/order
share=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o ro,cache=loose,$share machine /lower
mount -t tmpfs layer /layer
mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work overlay /merged
mount -t 9p -o $share results /merged${RESULTS}
mount -t proc proc /merged/proc
mount -t sysfs sys /merged/sys
mount -t devtmpfs dev /merged/dev
mkdir -p /merged/dev/pts /merged/dev/shm
mount -t devpts devpts /merged/dev/pts
mount -t tmpfs shm /merged/dev/shm
mount -t tmpfs run /merged/run
exec chroot /merged /bin/sh ${RESULTS}/start
`;

/** Packs the initramfs of a kernel into a file. */
export async function packInitramfs(kernel: Kernel, root: GuestRoot, file: string): Promise<void> {
  using folder = new TemporaryFolder('initramfs');
  for (const part of ['bin', 'modules']) mkdirSync(join(folder.path, part));
  copyFileSync(
    root.isForeign ? join(root.path, 'bin/busybox') : findProgram('busybox'),
    join(folder.path, 'bin/busybox'),
  );
  writeFileSync(join(folder.path, 'init'), INIT, { mode: 0o755 });
  const order = await modulesInOrder(kernel);
  for (const path of order) await copyModule(path, join(folder.path, 'modules'));
  const names = order.map((path) => `${moduleFile(path)}\n`);
  writeFileSync(join(folder.path, 'modules/order'), names.join(''));
  await run('sh', ['-c', 'cd "$0" && find . | cpio --quiet -o -H newc >"$1"', folder.path, file]);
}

/** The files of the first modules, each after those that it needs; nothing for what is built in. */
async function modulesInOrder(kernel: Kernel): Promise<string[]> {
  const paths = new Set<string>();
  for (const name of FIRST_MODULES) {
    const args = ['--show-depends', '-d', kernel.root, '-S', kernel.release, name];
    const listed = await run('modprobe', args);
    for (const match of listed.matchAll(/^insmod (\S+)/gm)) paths.add(match[1]!);
  }
  return [...paths];
}

const moduleFile = (path: string) => basename(path).replace(/\.xz$/, '');

/** Copies a module; busybox does not load compressed ones. */
async function copyModule(path: string, folder: string): Promise<void> {
  const target = join(folder, moduleFile(path));
  if (path.endsWith('.xz')) await run('sh', ['-c', 'xz -dc "$0" >"$1"', path, target]);
  else copyFileSync(path, target);
}

function findProgram(name: string): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))!;
}
