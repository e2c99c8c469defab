import { Argument, Command } from 'commander';
import { bashCompletion } from '../completion/bash.js';
import { fishCompletion } from '../completion/fish.js';
import { type CompletedCommand, completedCommands } from '../completion/model.js';
import { zshCompletion } from '../completion/zsh.js';
import { addManual } from '../output/manual.js';

const scripts: { readonly [shell: string]: (commands: readonly CompletedCommand[]) => string } = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** `toa completion`: the script that makes a shell complete toa. It has all commands and options of this version. */
export function completionCommand(): Command {
  const command = new Command('completion')
    .description('print the completion script for a shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(scripts)))
    .action((shell: string, _, self: Command) => {
      process.stdout.write(scripts[shell]!(completedCommands(self.parent!)));
    });
  return addManual(command, {
    examples: [
      'source <(toa completion bash)  # in ~/.bashrc',
      'source <(toa completion zsh)   # in ~/.zshrc, behind compinit',
      'toa completion fish >~/.config/fish/completions/toa.fish',
    ],
  });
}
