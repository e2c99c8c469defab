import type { Command } from './command.js';
import { readLoaded, refuseOthers } from './loaded.js';
import type { System } from './system.js';

/** The commands that unload the module, if it is loaded. Throws ERR_TOA_MODULE_BUSY where another one has its name. */
export function planUnload(system: System): Command[] {
  const loaded = readLoaded(system);
  if (loaded.ours) return unloading(system);
  refuseOthers(loaded);
  return [];
}

export const unloading = (system: System): Command[] => [system.command('modprobe', '-r', 'toa')];
