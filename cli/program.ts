import { Command, Option } from 'commander';
import { commandLine } from './command-line.js';
import { benchCommand } from './commands/bench.js';
import { buildAddonCommand } from './commands/build-addon.js';
import { completionCommand } from './commands/completion.js';
import { decodeCommand } from './commands/decode.js';
import { demoCommand } from './commands/demo.js';
import { doctorCommand } from './commands/doctor.js';
import { formatsCommand } from './commands/formats.js';
import { lbCommand } from './commands/lb.js';
import { moduleCommand } from './commands/module.js';
import { probeCommand } from './commands/probe.js';
import { serveCommand } from './commands/serve.js';
import { statusCommand } from './commands/status.js';
import { verifyCommand } from './commands/verify.js';
import { watchCommand } from './commands/watch.js';
import { description, version } from './manifest.js';
import { addManual } from './output/manual.js';
import { type ColorChoice, chooseColor } from './output/streams.js';

/** All commands, in the order of the help. A new one is a file and a line; completion and the man page know it by that. */
const commands = [
  statusCommand,
  doctorCommand,
  watchCommand,
  verifyCommand,
  serveCommand,
  probeCommand,
  demoCommand,
  moduleCommand,
  lbCommand,
  decodeCommand,
  formatsCommand,
  benchCommand,
  buildAddonCommand,
  completionCommand,
];

/** With no-break spaces, so that a number stays with its words. */
const exitStatuses = [
  '0 ok',
  '1 a check failed',
  '2 usage',
  '3 something is missing here',
  '4 permission denied',
  '130 interrupted',
]
  .map((one) => one.replaceAll(' ', '\u00a0'))
  .join(', ');

/** The command line `toa`, with all of its commands. */
export function createProgram(): Command {
  const program = new Command('toa')
    .description(description)
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'toa: ')) })
    .addOption(
      new Option('--color <when>', 'color the output; auto heeds NO_COLOR')
        .choices(['auto', 'always', 'never'])
        .default('auto'),
    )
    .hook('preAction', (root) => chooseColor(root.opts<{ color: ColorChoice }>().color));
  addManual(program, {
    details: [
      'toa alone is toa status.',
      'Data goes to standard output, everything else to standard error. With --json a command prints one JSON object, or one per line where it goes on.',
      `Exit status: ${exitStatuses}.`,
    ],
    examples: [
      'sudo toa doctor                # what is wrong here?',
      'sudo toa watch eth0            # does the option arrive?',
      "toa demo                       # see clients' addresses cross a balancer",
      "toa lb run -c lb.json --check  # look at a balancer's file",
      'toa lb run -c lb.json          # run the balancer',
      'toa formats --json             # the forms of the option on the wire',
    ],
  });
  for (const command of commands) program.addCommand(command());
  settle(program, program);
  return program;
}

/** The same manners for all commands; commander hands them only to those that it makes itself. */
function settle(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  // Commander would end the process itself, with statuses of its own.
  command.exitOverride().showHelpAfterError(`(${commandLine(command)} --help shows what it takes)`);
  for (const child of command.commands) settle(child, command);
}

/**
 * The arguments, with the command that runs where none was named: `toa` is `toa status`, `toa --json` is `toa status --json`.
 * `toa help lb run` is `toa lb run --help`. Commander would answer for an unknown command's help with that of `toa`: without
 * the wish for help it says that there is no such command, and which one may be meant.
 */
export function commandToRun(program: Command, args: readonly string[]): string[] {
  const { operands, unknown } = program.parseOptions([...args]);
  const words = operands[0] === 'help' ? operands.slice(1) : operands;
  const asksForHelp = words !== operands || unknown.includes('--help') || unknown.includes('-h');
  if (asksForHelp) return isKnown(program, words) ? [...words, '--help'] : words;
  return words.length > 0 ? [...args] : ['status', ...args];
}

/** Whether the words lead to a command; what follows one that has no others below it is its arguments. */
function isKnown(command: Command, [word, ...rest]: readonly string[]): boolean {
  if (word === undefined || command.commands.length === 0) return true;
  const child = command.commands.find((one) => one.name() === word);
  return child !== undefined && isKnown(child, rest);
}
