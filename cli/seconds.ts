import { InvalidArgumentError } from 'commander';

/** A time that an option gives: seconds, more than 0 and up to a day; parts of a second too. */
export function positiveSeconds(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds > 0 && seconds <= 86_400)) throw new InvalidArgumentError('wanted seconds, more than 0.');
  return seconds;
}
