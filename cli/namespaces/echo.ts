/** Receives every command line before it runs, as `[+] client: ip link set lo up`. */
export type Echo = (line: string) => void;

/** Where the command lines go when nobody asked for something else: nowhere, or with TOA_VERBOSE to standard error. */
export const defaultEcho: Echo = (line) => {
  if (process.env.TOA_VERBOSE) process.stderr.write(`${line}\n`);
};
