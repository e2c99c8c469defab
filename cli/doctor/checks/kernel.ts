import { isInstalled } from '../../module/load.js';
import { missingBuildTools } from '../../module/requirements.js';
import { type Check, failure, ok, warning } from '../check.js';
import { isOlder } from '../kernel-version.js';

/** The oldest kernel that the module is tested with (kernel-module/README.md). */
const OLDEST = [5, 10] as const;

/** Whether the module can be there: the kernel itself, and what builds modules for it. */
export const kernel: Check = {
  name: 'kernel',
  run: ({ system, kernel: release }) => {
    if (isOlder(release, OLDEST)) {
      return warning(
        `${release}: the module is for 5.10 and later`,
        'use the saved SYN (attach), or a newer kernel',
      );
    }
    if (system.read('/sys/kernel/realtime') === '1') {
      return failure(`${release} is PREEMPT_RT, for which the module does not build`, 'use another kernel');
    }
    if (isInstalled(system, release)) return ok(`${release}, with the module installed for it`);
    const missing = missingBuildTools(system, release);
    return missing === undefined
      ? ok(`${release}, with its headers`)
      : warning(`${release}; to build the module it lacks ${missing.what}`, missing.remedy);
  },
};
