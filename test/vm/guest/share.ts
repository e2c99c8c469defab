import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../lib/native.js';
import { type Job, RESULTS, verdictCommand } from './agreement.js';
import { foreignAddon, type GuestRoot, OWN_ADDON } from './root.js';

/** Puts into the guest's folder what it starts with: the job, and a script that runs one of the programs beside this file. */
export function prepareShare(share: string, program: 'main' | 'cost-main', job: Job, root: GuestRoot): void {
  writeFileSync(join(share, 'job.json'), JSON.stringify(job));
  writeFileSync(
    join(share, 'start'),
    `export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LC_ALL=C.UTF-8
${root.isForeign ? showCheckout() : ''}mkdir -p /lib/modules
mount --bind '${job.modulesRoot}/lib/modules' /lib/modules
ulimit -n 65536
'${root.node}' '${join(packageRoot, `dist/test/vm/guest/${program}.js`)}' >${RESULTS}/output 2>&1
${verdictCommand('$?')}
`,
  );
}

/** Commands that show a foreign guest this checkout at its own path, with an addon that it can load. */
function showCheckout(): string {
  const addon = foreignAddon('/');
  return `mkdir -p '${packageRoot}'
mount -t 9p -o ro,cache=loose,trans=virtio,version=9p2000.L,msize=512000 checkout '${packageRoot}'
mount --bind '${addon}' '${OWN_ADDON}'
`;
}
