import type { CompletedCommand, Value } from './model.js';

/** A word in single quotes, as bash and zsh read them. */
export const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The pattern, of a `case` of bash or zsh, of all commands but the first, which is the program. */
export const commandPattern = ([, ...commands]: readonly CompletedCommand[]) =>
  commands.map(({ line }) => quote(line)).join('|');

/**
 * The clauses of a `case` of bash or zsh over the command's words and the option before the cursor: what completes its value,
 * and there it ends.
 */
export function valueClauses(
  commands: readonly CompletedCommand[],
  complete: (value: Value) => string,
): string {
  const patterns = new Map<string, string[]>();
  for (const { line, options } of commands) {
    for (const { flags, value } of options) {
      if (value === undefined) continue;
      const completion = complete(value);
      const known = patterns.get(completion) ?? [];
      patterns.set(completion, [...known, ...flags.map((flag) => quote(`${line} ${flag}`))]);
    }
  }
  return [...patterns]
    .map(([completion, options]) => `    ${options.join('|')})\n      ${completion}\n      return ;;`)
    .join('\n');
}
