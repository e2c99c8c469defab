import { Command } from 'commander';
import { buildAddon } from '../../lib/build-addon.js';
import { addManual } from '../output/manual.js';
import { withProgress } from '../output/progress.js';
import { print, printJson } from '../output/streams.js';

/** `toa build-addon`: for machines that no prebuilt addon fits. Prints the file it wrote. */
export function buildAddonCommand(): Command {
  const command = new Command('build-addon')
    .description('compile the native addon for this machine')
    .option('--json', 'as one JSON object: { path }')
    .action(async ({ json }: { json?: boolean }) => {
      const path = await withProgress('building the addon', buildAddon());
      if (json) printJson('build-addon/1', { path });
      else print(path);
    });
  return addManual(command, {
    details: [
      'Needs a C++ compiler, make and Python 3. The released package has an addon for Linux with glibc on x64 and arm64; this is for other machines.',
    ],
    examples: ['npx toa build-addon'],
  });
}
