import type { Command } from 'commander';
import { wrap } from './wrap.js';

/** What a command's help, and the man page, tell beyond its options. */
export interface Manual {
  /** Paragraphs, each on one line. */
  readonly details?: readonly string[];
  /** Command lines; what follows two spaces and a # is said about the line. */
  readonly examples: readonly string[];
}

const manuals = new WeakMap<Command, Manual>();

/** Gives a command its manual: the end of its help, and its part of the man page. */
export function addManual(command: Command, manual: Manual): Command {
  manuals.set(command, manual);
  const { details = [], examples } = manual;
  const paragraphs = details.map((text) => `\n${wrap(text, 80).join('\n')}`);
  const lines = examples.map((line) => `\n  ${line}`).join('');
  return command.addHelpText('after', [...paragraphs, `\nExamples:${lines}`].join('\n'));
}

export function manualOf(command: Command): Manual | undefined {
  return manuals.get(command);
}
