import type { CompletedCommand, Value } from './model.js';
import { commandPattern, quote, valueClauses } from './shell.js';

/** The completion script for bash 4.4 and later. */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const words = commands.map(({ line, commands: children, options, argument }) => {
    const own = [...children.map(({ name }) => name), ...options.flatMap(({ flags }) => flags)].join(' ');
    const first = argument && `\n      [[ $word == -* ]] || ${complete(argument)}`;
    return `    ${quote(line)})\n      words=${quote(own)}${first ?? ''} ;;`;
  });
  return `# Completion of toa for bash. In ~/.bashrc: source <(toa completion bash)
_toa() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} at=toa words= index
  COMPREPLY=()
  # --color=never is three words to bash.
  if [[ $word == = ]]; then
    word=
  elif [[ $before == = ]]; then
    before=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$at \${COMP_WORDS[index]}" in
    ${commandPattern(commands)}) at="$at \${COMP_WORDS[index]}" ;;
    esac
  done
  case "$at $before" in
${valueClauses(commands, complete)}
  esac
  case "$at" in
${words.join('\n')}
  esac
  mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _toa toa
`;
}

function complete(value: Value): string {
  const fill = (how: string) => `mapfile -t COMPREPLY < <(compgen ${how} -- "$word")`;
  switch (value.kind) {
    case 'choices':
      return fill(`-W ${quote(value.choices.join(' '))}`);
    case 'interface':
      return fill('-W "$(ls /sys/class/net 2>/dev/null)"');
    case 'file':
      return `compopt -o filenames 2>/dev/null; ${fill('-f')}`;
    case 'directory':
      return `compopt -o filenames 2>/dev/null; ${fill('-d')}`;
    case 'text':
      return ':';
  }
}
