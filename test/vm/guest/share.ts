import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../lib/native.js';
import { type Job, RESULTS, verdictCommand } from './agreement.js';
import { foreignAddon, type GuestRoot, OWN_ADDON } from './root.js';

/** Puts into the guest's folder what it starts with: the job, and a script that runs one of the programs beside this file. */
export function prepareShare(share: string, program: 'main' | 'cost-main', job: Job, root: GuestRoot): void {
  writeFileSync(join(share, 'job.json'), JSON.stringify(job));
  const main = join(packageRoot, `dist/test/vm/guest/${program}.js`);
  prepareStart(share, job.modulesRoot, root, `'${root.node}' '${main}' >${RESULTS}/output 2>&1`);
}

/** Puts a script into the guest's folder that runs these commands, and ends QEMU with the exit status of the last one. */
export function prepareStart(share: string, modulesRoot: string, root: GuestRoot, commands: string): void {
  writeFileSync(
    join(share, 'start'),
    `export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LC_ALL=C.UTF-8
${root.isForeign ? showCheckout() : ''}mkdir -p /lib/modules
${showModules(`${modulesRoot}/lib/modules`, root)}
ulimit -n 65536
${commands}
${verdictCommand('$?')}
`,
  );
}

/** A command that shows the guest its modules, to which a case adds one. What a foreign guest sees of us is read only. */
function showModules(folder: string, { isForeign }: GuestRoot): string {
  if (!isForeign) return `mount --bind '${folder}' /lib/modules`;
  return `mkdir -p /run/modules
mount -t tmpfs modules /run/modules
mkdir /run/modules/upper /run/modules/work
mount -t overlay modules -o 'lowerdir=${folder},upperdir=/run/modules/upper,workdir=/run/modules/work' /lib/modules`;
}

/** Commands that show a foreign guest this checkout at its own path, with an addon that it can load. */
function showCheckout(): string {
  const addon = foreignAddon('/');
  return `mkdir -p '${packageRoot}'
mount -t 9p -o ro,cache=loose,trans=virtio,version=9p2000.L,msize=512000 checkout '${packageRoot}'
mount --bind '${addon}' '${OWN_ADDON}'
`;
}
