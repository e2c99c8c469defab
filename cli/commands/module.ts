import { release } from 'node:os';
import { Command } from 'commander';
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
    if (command.name() !== 'remove')
      command.option('-k, --kernel <version>', 'the kernel, if not the one that runs', release());
    if (command.name() !== 'status') command.option('--dry-run', 'only print the commands, for a shell');
    module.addCommand(command);
  }
  return module;
}
