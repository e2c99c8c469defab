import kleur from 'kleur';

/** When color is used: `auto` is for terminals that did not ask to be spared (NO_COLOR). */
export type ColorChoice = 'auto' | 'always' | 'never';

/** Decides on color for the rest of the run. What is asked for on the command line counts more than NO_COLOR. */
export function chooseColor(choice: ColorChoice): void {
  const wished = !process.env.NO_COLOR && process.env.TERM !== 'dumb' && process.stdout.isTTY === true;
  kleur.enabled = choice === 'always' || (choice === 'auto' && wished);
}

/** Data, for the next program or for the eye: standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One JSON value on a line of its own, on standard output. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/** Words about what happens: standard error, so that they never mix with the data. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Ends quietly when the reader of our output has seen enough, as in `toa formats | head -1`. */
export function endQuietlyOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
      throw error;
    });
  }
}
