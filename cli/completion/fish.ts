import type { CompletedCommand, CompletedOption, Value } from './model.js';

/** The completion script for fish 3. */
export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const lines = commands.map(({ line }) => quote(line));
  const rules = commands.flatMap(({ line, commands: children, options, argument }) => {
    const here = `complete -c toa -n ${quote(`__toa_at ${line}`)}`;
    return [
      ...children.map(({ name, description }) => `${here} -a ${quote(name)} -d ${quote(description)}`),
      ...options.map(
        (option) => `${here}${flags(option)}${complete(option.value)} -d ${quote(option.description)}`,
      ),
      ...(argument ? [`${here}${complete(argument)}`] : []),
    ];
  });
  return `# Completion of toa for fish. toa completion fish >~/.config/fish/completions/toa.fish
function __toa_at
    set -l at toa
    for word in (commandline -opc)[2..-1]
        switch "$at $word"
            case ${lines.slice(1).join(' ')}
                set at "$at $word"
        end
    end
    test "$at" = "$argv"
end
complete -c toa -f
${rules.join('\n')}
`;
}

const flags = (option: CompletedOption) =>
  option.flags
    .map((flag) => (flag.startsWith('--') ? ` -l ${flag.slice(2)}` : ` -s ${flag.slice(1)}`))
    .join('');

function complete(value: Value | undefined): string {
  switch (value?.kind) {
    case undefined:
      return '';
    case 'choices':
      return ` -x -a ${quote(value.choices.join(' '))}`;
    case 'interface':
      return " -x -a '(ls /sys/class/net)'";
    case 'file':
      return ' -r -F';
    case 'directory':
      return " -x -a '(__fish_complete_directories)'";
    case 'text':
      return ' -x';
  }
}

const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
