import { Command } from 'commander';
import { buildAddon } from '../../lib/build-addon.js';

/** `toa build-addon`: for machines that no prebuilt addon fits. Prints the file it wrote. */
export function buildAddonCommand(): Command {
  return new Command('build-addon')
    .description('compile the native addon for this machine (needs a C++ compiler, make and Python 3)')
    .action(() => console.log(buildAddon()));
}
