import type { Command } from 'commander';

/** The words that call a command, such as `toa lb run`. */
export function commandLine(command: Command): string {
  const words = [];
  for (let at: Command | null = command; at !== null; at = at.parent) words.unshift(at.name());
  return words.join(' ');
}
