import { Command, Option } from 'commander';
import { buildAddonCommand } from './commands/build-addon.js';
import { demoCommand } from './commands/demo.js';
import { formatsCommand } from './commands/formats.js';
import { lbCommand } from './commands/lb.js';
import { moduleCommand } from './commands/module.js';
import { description, version } from './manifest.js';
import { type ColorChoice, chooseColor } from './output/streams.js';

const examples = `
Examples:
  toa demo                       see clients' addresses cross a balancer
  toa lb run -c lb.json --check  look at a balancer's file
  toa lb run -c lb.json          run the balancer
  toa module status              the kernel module: loaded? who is trusted?
  toa formats --json             the forms of the option on the wire

Exit status: 0 ok, 1 a check failed, 2 usage, 3 unsupported or missing here,
4 permission denied, 130 interrupted.`;

/** The command line `toa`, with all of its commands. */
export function createProgram(): Command {
  const program = new Command('toa')
    .description(description)
    .version(version)
    .addOption(
      new Option('--color <when>', 'color the output').choices(['auto', 'always', 'never']).default('auto'),
    )
    .addHelpText('after', examples)
    .hook('preAction', (root) => chooseColor(root.opts<{ color: ColorChoice }>().color));
  for (const command of [demoCommand(), lbCommand(), moduleCommand(), formatsCommand(), buildAddonCommand()])
    program.addCommand(command);
  throwInsteadOfExit(program);
  return program;
}

/** Commander would end the process itself, with statuses of its own. Added commands do not inherit this. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExit(child);
}
