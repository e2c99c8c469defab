import type { CompletedCommand, Value } from './model.js';
import { commandPattern, quote, valueClauses } from './shell.js';

/** The completion script for zsh 5: a file _toa in a folder of $fpath, or to be sourced. */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  const words = commands.map(({ line, commands: children, options, argument }) => {
    const named = children.map(({ name, description }) => quote(`${name}:${description}`));
    const flagged = options.flatMap(({ flags, description }) =>
      flags.map((flag) => quote(`${flag}:${description}`)),
    );
    return `    ${quote(line)})
      named=(${named.join(' ')})
      flagged=(${flagged.join(' ')})${argument ? `\n      ${complete(argument)}` : ''} ;;`;
  });
  return `#compdef toa
# Completion of toa for zsh. In ~/.zshrc, behind compinit: source <(toa completion zsh)
_toa() {
  local at=toa before=$words[CURRENT-1] word
  local -a named flagged
  if [[ $words[CURRENT] == --*=* ]]; then
    before=\${words[CURRENT]%%=*}
    compset -P '*='
  fi
  for word in $words[2,CURRENT-1]; do
    case "$at $word" in
    ${commandPattern(commands)}) at="$at $word" ;;
    esac
  done
  case "$at $before" in
${valueClauses(commands, complete)}
  esac
  case "$at" in
${words.join('\n')}
  esac
  _describe -t commands command named
  [[ $words[CURRENT] == -* ]] && _describe -o -t options option flagged
}
if [[ $funcstack[1] == _toa ]]; then _toa; else compdef _toa toa; fi
`;
}

function complete(value: Value): string {
  switch (value.kind) {
    case 'choices':
      return `compadd -- ${value.choices.map(quote).join(' ')}`;
    case 'interface':
      return 'compadd -- /sys/class/net/*(N:t)';
    case 'file':
      return '_files';
    case 'directory':
      return '_files -/';
    case 'text':
      return '_message value';
  }
}
