import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { ToaError } from '../../lib/errors.js';
import { namespaceSupport, privateNames } from './support.js';

/** Tells the program that it is the second run, so that it can never start a third. */
const marker = 'TOA_INSIDE_USER_NAMESPACE';

/**
 * Returns when this process may build namespaces. Where that takes a user namespace, the program is run again in
 * one with the same arguments, and this process ends with its exit status; so call it before doing anything else.
 * @throws ToaError ERR_TOA_NAMESPACES with the reason and what to do about it
 */
export async function enterNamespaces(): Promise<void> {
  const support = namespaceSupport();
  if (!support.supported) {
    throw new ToaError('ERR_TOA_NAMESPACES', `network namespaces are not permitted: ${support.reason}`, {
      hint: support.hint,
    });
  }
  if (support.where === 'here') return;
  if (process.env[marker]) {
    throw new ToaError('ERR_TOA_NAMESPACES', 'a user namespace was entered, and still none can be built');
  }
  const shell = ['sh', '-c', `${privateNames} && exec "$@"`, 'sh'];
  process.exit(await runAgain(['unshare', '-Urnm', ...shell], { [marker]: '1' }));
}

/**
 * Runs this very program again behind a command that ends in running its arguments, such as `unshare -n`, with the same
 * arguments and streams. It dies with us.
 * @returns its exit status, 128 + signal where one has ended it
 */
export async function runAgain(wrapper: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const program = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  return runAttached([...wrapper, 'setpriv', '--pdeathsig', 'KILL', '--', ...program], env);
}

/**
 * Runs a command in our place: with our streams, and with the signals that end us.
 * @returns its exit status, 128 + signal where one has ended it
 */
export async function runAttached(
  [command = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  // A terminal sends Ctrl-C to both of us: the child cleans up, we wait for it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
