import { readLoaded } from '../../module/loaded.js';
import { signatureRequired, signingKey } from '../../module/signature.js';
import { type Check, ok, warning } from '../check.js';

/** Secure Boot, and other reasons for which a kernel loads signed modules only. */
export const signature: Check = {
  name: 'Secure Boot',
  run: ({ system }) => {
    if (!signatureRequired(system)) return ok('the kernel loads modules without a signature');
    if (readLoaded(system).ours !== undefined) return ok('signatures are required, and the module has one');
    return warning(
      'the kernel loads only modules that are signed with a key which it knows',
      `sudo mokutil --import ${signingKey(system)}, reboot, Enroll MOK`,
    );
  },
};
