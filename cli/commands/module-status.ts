import { Command } from 'commander';
import { exitStatus } from '../exit-status.js';
import { type ModuleStatus, readStatus } from '../module/status.js';
import { System } from '../module/system.js';
import { fields } from '../output/fields.js';
import { addManual } from '../output/manual.js';
import { print, printJson } from '../output/streams.js';

/** `toa module status`: exit 0 if the module is loaded, 1 if not. */
export function moduleStatusCommand(): Command {
  const command = new Command('status')
    .description('what is loaded, installed and set; exit 0 if the module is loaded, 1 if not')
    .option('--json', 'as one JSON object')
    .action(async ({ kernel, root, json }: { kernel: string; root: string; json?: boolean }) => {
      const status = await readStatus(new System(root), kernel);
      if (json) printJson('module-status/1', status);
      else print(lines(status));
      process.exitCode = status.loaded ? exitStatus.ok : exitStatus.failed;
    });
  return addManual(command, { examples: ['toa module status', 'toa module status --json'] });
}

function lines(status: ModuleStatus): string {
  const { loaded, others, settings, kernel } = status;
  return fields([
    ['loaded', loaded ? `toa ${loaded.version}${loaded.enabled === '0' ? ', disabled' : ''}` : 'no'],
    ['  trusts', loaded ? loaded.trusted || 'nobody' : undefined],
    ['  formats', loaded?.formats],
    ['  reads SYN', loaded ? yesOrNo(loaded.syn === '1') : undefined],
    ['others', others.length > 0 ? `${others.join(', ')}: must be unloaded first` : undefined],
    ['installed', `${yesOrNo(status.installed)}, for ${kernel}${status.packaged ? ', by dpkg' : ''}`],
    ...status.dkms.map((entry): [string, string] => [
      '  DKMS',
      `${entry.version} ${entry.state}${entry.kernel === undefined ? '' : ` for ${entry.kernel}`}`,
    ]),
    ['headers', status.headers ? 'yes' : `none for ${kernel}`],
    ['at load', settings ? `trusts ${settings.trusted}` : 'trusts nobody'],
    ['signature', status.signatureRequired ? 'required (Secure Boot)' : 'not required'],
  ]);
}

const yesOrNo = (is: boolean) => (is ? 'yes' : 'no');
