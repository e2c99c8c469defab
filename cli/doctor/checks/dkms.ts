import { readDkms } from '../../module/dkms.js';
import { isInstalled } from '../../module/load.js';
import { type Check, ok, warning } from '../check.js';

/** Whether the module will be there for the next kernel too. */
export const dkms: Check = {
  name: 'DKMS',
  run: async ({ system, kernel }) => {
    const installed = isInstalled(system, kernel);
    const entries = await readDkms(system);
    if (entries.length === 0) {
      return installed
        ? warning('it does not know the module: the next kernel comes without', 'sudo toa module install')
        : ok('has nothing to build: the module is not installed');
    }
    const [entry] = entries.filter((one) => one.kernel === kernel && one.state === 'installed');
    if (entry !== undefined) return ok(`${entry.version} is installed for ${kernel}`);
    const known = entries.map((one) => `${one.version} ${one.state} ${one.kernel ?? ''}`.trim());
    return warning(`nothing is installed for ${kernel}, only ${known.join(', ')}`, 'sudo toa module install');
  },
};
