import type { System } from './system.js';

/** The Debian package that brings the same module (kernel-module/debian). */
export const debianPackage = 'toakit-dkms';

/** Whether a system has the module from its package manager: then its files are not ours to write or remove. */
export function isPackaged(system: System): boolean {
  return system.has(`/var/lib/dpkg/info/${debianPackage}.list`);
}
