import { version } from '../../manifest.js';
import { isInstalled } from '../../module/load.js';
import { readLoaded } from '../../module/loaded.js';
import { type Check, ok, warning } from '../check.js';

/** Whether the receiver in the kernel is loaded, and works in this network namespace. */
export const module: Check = {
  name: 'module',
  run: ({ system, kernel }) => {
    const { ours } = readLoaded(system);
    if (ours === undefined) {
      return isInstalled(system, kernel)
        ? warning('installed, but not loaded', 'sudo toa module load')
        : warning(
            'not installed: only servers that call attach() see clients',
            "sudo toa module install --trusted <the balancers' addresses>",
          );
    }
    if (ours.enabled !== '1') return warning('loaded, but disabled', 'sudo sysctl -w net.toa.enabled=1');
    // One that was built by hand, in a checkout, has no version.
    if (ours.version !== version && ours.version !== 'unknown') {
      return warning(
        `toa ${ours.version} is loaded, this toakit has ${version}`,
        'sudo toa module install, then unload and load',
      );
    }
    return ok(
      `toa ${ours.version} is loaded; formats ${ours.formats}${ours.syn === '1' ? '; reads SYNs' : ''}`,
    );
  },
};
