import { InvalidArgumentError } from 'commander';

/** A TCP port that an option names, 0 to 65535. */
export function portNumber(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65535)) throw new InvalidArgumentError('wanted 0 to 65535.');
  return port;
}
