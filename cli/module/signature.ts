import type { System } from './system.js';

/** Whether the kernel loads signed modules only: Secure Boot locks it down, and module.sig_enforce does that alone. */
export function signatureRequired(system: System): boolean {
  const lockdown = system.read('/sys/kernel/security/lockdown') ?? '[none]';
  return !lockdown.includes('[none]') || system.read('/sys/module/module/parameters/sig_enforce') === 'Y';
}

/** Where DKMS keeps the key that it signs with: Debian and Fedora, Ubuntu. */
const keys = ['/var/lib/dkms/mok.pub', '/var/lib/shim-signed/mok/MOK.der'];

/** The key that DKMS signs with, or will. */
export const signingKey = (system: System) => keys.find((path) => system.has(path)) ?? keys[0]!;

/** What an administrator does so that the machine knows DKMS's key. */
export function enrollment(system: System): string {
  const key = signingKey(system);
  const lacking = system.has(key)
    ? ''
    : ' It has none yet, and makes one when it builds a module where openssl is installed.';
  return `Secure Boot: this kernel loads only modules that are signed with a key which the machine knows.
DKMS signs with a key of its own.${lacking} Enroll it, once:
  mokutil --import ${key}    of the package mokutil; asks for a password, any
  reboot                                    and in the blue screen: Enroll MOK, Continue, Yes, that password
  toa module load`;
}
