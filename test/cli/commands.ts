import type { Command } from 'commander';
import { createProgram } from '../../cli/program.js';

/** A command of `toa` that does something, by its words: `['module', 'status']`. */
export interface Leaf {
  readonly words: readonly string[];
  readonly command: Command;
}

/** All commands that do something, out of the program itself. */
export function leaves(command: Command = createProgram(), words: readonly string[] = []): Leaf[] {
  if (command.commands.length === 0) return [{ words, command }];
  return command.commands.flatMap((child) => leaves(child, [...words, child.name()]));
}

/** Those, and the groups that they are in, `toa` itself being the first. */
export function allCommands(
  command: Command = createProgram(),
  words: readonly string[] = [],
): readonly Leaf[] {
  return [
    { words, command },
    ...command.commands.flatMap((child) => allCommands(child, [...words, child.name()])),
  ];
}
