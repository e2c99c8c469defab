import kleur from 'kleur';
import { exitStatus } from '../exit-status.js';

/** When color is used: `auto` is for terminals that did not ask to be spared (NO_COLOR). */
export type ColorChoice = 'auto' | 'always' | 'never';

/** The name of a schema and its version, as in `module-status/1`: the command's words, and schemas/module-status.json. */
export type SchemaName = `${string}/${number}`;

/** Decides on color for the rest of the run. What is asked for on the command line counts more than NO_COLOR. */
export function chooseColor(choice: ColorChoice): void {
  const wished = !process.env.NO_COLOR && process.env.TERM !== 'dumb' && process.stdout.isTTY === true;
  kleur.enabled = choice === 'always' || (choice === 'auto' && wished);
}

/** Data, for the next program or for the eye: standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One JSON object on a line of its own, on standard output. It begins with the name of its schema (docs/json.md). */
export function printJson(schema: SchemaName, fields: object): void {
  print(toJson(schema, fields));
}

/** The line that {@link printJson} prints. */
export function toJson(schema: SchemaName, fields: object): string {
  return JSON.stringify({ schema, ...fields });
}

/** Words about what happens: standard error, so that they never mix with the data. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The columns that a line of standard output may have: a terminal's, or COLUMNS; no limit for files and pipes. */
export function outputWidth(): number {
  const asked = Number(process.env.COLUMNS);
  return Number.isInteger(asked) && asked > 0 ? asked : (process.stdout.columns ?? Number.POSITIVE_INFINITY);
}

/**
 * Ends when nothing can be written any more: quietly where the reader of our output has seen enough, as in
 * `toa formats | head -1`, else with status 1 and the reason, such as a full disk.
 */
export function endWhereOutputCannotGo(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(process.exitCode ?? exitStatus.ok);
      if (stream === process.stdout) say(`toa: cannot write the output: ${error.message}`);
      process.exit(exitStatus.failed);
    });
  }
}
