import { ToaError } from '../../lib/errors.js';
import type { System } from './system.js';

/** What the kernel has loaded. */
export interface Loaded {
  /** Our module and what it is set to in this network namespace. */
  readonly ours?: { version: string; enabled: string; trusted: string; formats: string; syn: string };
  /** Names of modules of the same kind by others. They cannot be loaded together: one takes the other's connections. */
  readonly others: readonly string[];
}

/** Reads what is loaded. The known modules of this kind are all called toa, or have it as a word of their name. */
export function readLoaded(system: System): Loaded {
  const names = (system.read('/proc/modules') ?? '')
    .split('\n')
    .map((line) => line.split(' ', 1)[0]!)
    .filter((name) => /(^|_)v?toa(_|$)/.test(name));
  const setting = (name: string) => system.read(`/proc/sys/net/toa/${name}`);
  const trusted = setting('trusted');
  if (trusted === undefined || !names.includes('toa')) return { others: names };
  return {
    ours: {
      version: system.read('/sys/module/toa/version') ?? 'unknown',
      enabled: setting('enabled') ?? '',
      trusted,
      formats: setting('formats') ?? '',
      syn: setting('syn') ?? '',
    },
    others: names.filter((name) => name !== 'toa'),
  };
}

/** @throws ToaError ERR_TOA_MODULE_BUSY where a module of the same kind by somebody else is loaded */
export function refuseOthers(loaded: Loaded): void {
  const busy = busyWithOthers(loaded);
  if (busy) throw busy;
}

/** The error that names the loaded modules of the same kind by somebody else; undefined where there are none. */
export function busyWithOthers({ others }: Loaded): ToaError | undefined {
  if (others.length === 0) return undefined;
  const names = others.join(', ');
  return new ToaError('ERR_TOA_MODULE_BUSY', `another module of this kind is loaded: ${names}`, {
    hint: `unload it first, when nothing needs it: rmmod ${others.join(' ')}`,
  });
}
