import { release } from 'node:os';
import { Command } from 'commander';
import { version } from '../manifest.js';
import { carryOut, type Manner } from '../module/carry-out.js';
import { planInstall } from '../module/install.js';
import { busyWithOthers, readLoaded } from '../module/loaded.js';
import { requireBuildTools } from '../module/requirements.js';
import { checkSettings } from '../module/settings.js';
import { enrollment, signatureRequired } from '../module/signature.js';
import { System } from '../module/system.js';
import { addManual } from '../output/manual.js';
import { say } from '../output/streams.js';

interface InstallOptions extends Manner {
  trusted: string;
  formats: string;
  syn?: boolean;
  kernel: string;
  root: string;
}

/** `toa module install`: by DKMS, with settings and loading at boot. */
export function moduleInstallCommand(): Command {
  const command = new Command('install')
    .description('build and install the module (DKMS), loaded at boot')
    .requiredOption(
      '--trusted <cidrs>',
      "the balancers' addresses: CIDR blocks with commas between, or private",
    )
    .option('--formats <names>', 'forms of the option: names (toa formats), default or all', 'default')
    .option('--syn', 'read the SYN too, for balancers that mark it alone')
    .action(install);
  return addManual(command, {
    details: [
      "Builds the module by DKMS, which builds it again for every kernel to come, and has it loaded at boot. Anybody who reaches a port can write a TCP option, so you name whom to believe: the balancers' local addresses.",
    ],
    examples: [
      'sudo toa module install --trusted 10.0.0.0/24,2001:db8:1::/64',
      'toa module install --trusted private --dry-run',
    ],
  });
}

async function install({
  kernel,
  root,
  dryRun = false,
  json = false,
  ...given
}: InstallOptions): Promise<void> {
  const settings = checkSettings({ ...given, syn: given.syn ?? false });
  const system = new System(root);
  const { building, setting } = await planInstall(system, kernel, settings);
  const commands = [...building, ...setting];
  // No harm yet: what stands in the way of loading need not stand in that of installing.
  const busy = busyWithOthers(readLoaded(system));
  if (busy) say(busy.message);
  if (dryRun) await carryOut('install', commands, { dryRun, json });
  if (building.length > 0) requireBuildTools(system, kernel);
  if (!dryRun) await carryOut('install', commands, { json });
  if (commands.length === 0)
    say(`toa ${version} is installed for ${kernel} and set so already: nothing to do`);
  if (dryRun || commands.length === 0) return;
  say(`toa ${version} is installed for ${kernel}, and trusts ${settings.trusted}`);
  if (signatureRequired(system)) say(enrollment(system));
  if (!busy && system.isOurs && kernel === release()) say(nextStep(system));
}

function nextStep(system: System): string {
  const loaded = readLoaded(system).ours?.version;
  if (loaded === undefined) return 'Load it now: toa module load';
  return loaded === version
    ? `toa ${version} is loaded`
    : `toa ${loaded} is still loaded: toa module unload, then toa module load`;
}
