import { release } from 'node:os';
import { Command, Option } from 'commander';
import { addManual } from '../output/manual.js';
import { moduleInstallCommand } from './module-install.js';
import { moduleLoadCommand, moduleUnloadCommand } from './module-load.js';
import { moduleRemoveCommand } from './module-remove.js';
import { moduleStatusCommand } from './module-status.js';

/** `toa module`: the receiver in the kernel, for programs that know nothing of toakit. */
export function moduleCommand(): Command {
  const commands = [
    moduleStatusCommand(),
    moduleInstallCommand(),
    moduleLoadCommand(),
    moduleUnloadCommand(),
    moduleRemoveCommand(),
  ];
  const module = new Command('module').description('the kernel module toa.ko');
  for (const command of commands) {
    command.option(
      '--root <dir>',
      "the system whose root folder is there: an image, a container's host",
      '/',
    );
    if (command.name() !== 'remove') command.addOption(kernelOption());
    if (command.name() !== 'status') {
      command
        .option('--dry-run', 'only print the commands, for a shell')
        .option('--json', 'as one JSON object: { done, commands }');
    }
    module.addCommand(command);
  }
  return addManual(module, {
    examples: [
      'sudo toa module install --trusted 10.0.0.0/24',
      'sudo toa module load',
      'toa module status',
      'sudo toa module remove',
    ],
  });
}

const kernelOption = () =>
  new Option('-k, --kernel <version>', 'the kernel it is for').default(release(), 'the one that runs');
