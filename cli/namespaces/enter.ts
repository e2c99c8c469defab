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
  process.exit(await runAgainInside());
}

async function runAgainInside(): Promise<number> {
  const program = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn(
    'unshare',
    ['-Urnm', 'sh', '-c', `${privateNames} && exec setpriv --pdeathsig KILL -- "$@"`, 'sh', ...program],
    { stdio: 'inherit', env: { ...process.env, [marker]: '1' } },
  );
  // A terminal sends Ctrl-C to both of us: the child cleans up, we wait for it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
