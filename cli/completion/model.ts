import type { Command, Option } from 'commander';
import { commandLine } from '../command-line.js';

/** What can stand behind an option, or in the place of an argument. */
export type Value =
  | { readonly kind: 'choices'; readonly choices: readonly string[] }
  | { readonly kind: 'file' | 'directory' | 'interface' | 'text' };

export interface CompletedOption {
  /** `-c` and `--config`, or one of them. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Undefined for a switch. */
  readonly value: Value | undefined;
}

/** All that can follow the words of one command. */
export interface CompletedCommand {
  /** `toa lb run` */
  readonly line: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletedOption[];
  /** What its first argument can be. */
  readonly argument: Value | undefined;
}

/** What shells complete: every command of the program, itself first, as commander knows them. */
export function completedCommands(program: Command): CompletedCommand[] {
  const help = program.createHelp();
  const globals = help
    .visibleOptions(program)
    .filter(({ long }) => long !== '--version' && long !== '--help');
  const describe = (command: Command): CompletedCommand[] => {
    const options = [...help.visibleOptions(command), ...(command === program ? [] : globals)];
    const [argument] = command.registeredArguments;
    const own = {
      line: commandLine(command),
      commands: command.commands.map((child) => ({ name: child.name(), description: child.description() })),
      options: options.map(describeOption),
      argument: argument && valueNamed(argument.name(), argument.argChoices),
    };
    return [own, ...command.commands.flatMap(describe)];
  };
  return describe(program);
}

function describeOption(option: Option): CompletedOption {
  const { short, long, description, required, optional } = option;
  const placeholder = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1] ?? '';
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    value: required || optional ? valueNamed(placeholder, option.argChoices) : undefined,
  };
}

/** The word in the help says what is wanted: `-c, --config <file>`. */
const kinds: { readonly [placeholder: string]: 'file' | 'directory' | 'interface' } = {
  file: 'file',
  dir: 'directory',
  interface: 'interface',
};

function valueNamed(placeholder: string, choices: readonly string[] | undefined): Value {
  if (choices !== undefined) return { kind: 'choices', choices };
  return { kind: kinds[placeholder.replace(/\.\.\.$/, '')] ?? 'text' };
}
