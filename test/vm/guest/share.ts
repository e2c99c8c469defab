import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../lib/native.js';
import { type Job, RESULTS, verdictCommand } from './agreement.js';

/** Puts into the guest's folder what it starts with: the job, and a script that runs one of the programs beside this file. */
export function prepareShare(share: string, program: 'main' | 'cost-main', job: Job): void {
  writeFileSync(join(share, 'job.json'), JSON.stringify(job));
  writeFileSync(
    join(share, 'start'),
    `export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LC_ALL=C.UTF-8
mkdir -p /lib/modules
mount --bind '${job.modulesRoot}/lib/modules' /lib/modules
ulimit -n 65536
'${process.execPath}' '${join(packageRoot, `dist/test/vm/guest/${program}.js`)}' >${RESULTS}/output 2>&1
${verdictCommand('$?')}
`,
  );
}
