/** Says on stderr what is going on; stdout belongs to the figures. */
export function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
