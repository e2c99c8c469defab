import type { System } from './system.js';

/** Whether a system has the module from its package manager (kernel-module/debian): then its files are not ours to write or remove. */
export function isPackaged(system: System): boolean {
  // Where packages have it; administrators, and we, write to /etc.
  return system.has('/usr/lib/modules-load.d/toa.conf');
}
