import { ToaError } from '../../lib/errors.js';
import type { Command, Outcome } from './command.js';
import { readLoaded, refuseOthers } from './loaded.js';
import { applySettings, moduleParameters, readSettings, settingsFile } from './settings.js';
import { enrollment, signatureRequired } from './signature.js';
import type { System } from './system.js';

/**
 * The commands that load the module for the kernel that runs with its settings; where it is loaded, those that make it take them.
 * @throws ToaError ERR_TOA_MODULE_BUSY (another one is loaded), ERR_TOA_UNSUPPORTED (not installed for this kernel)
 */
export function planLoad(system: System, kernel: string): Command[] {
  const loaded = readLoaded(system);
  const applying = system.has(settingsFile) ? [applySettings(system)] : [];
  if (loaded.ours) return applying;
  refuseOthers(loaded);
  if (!isInstalled(system, kernel)) {
    throw new ToaError('ERR_TOA_UNSUPPORTED', `the module is not installed for kernel ${kernel}`, {
      hint: 'toa module install --trusted <cidrs>',
    });
  }
  const parameters = moduleParameters(readSettings(system));
  return [system.command('modprobe', 'toa', ...parameters), ...applying];
}

/** Whether modprobe finds it, by whatever means it came there. */
export function isInstalled(system: System, kernel: string): boolean {
  return /(^|\/)toa\.ko[.\w]*:/m.test(system.read(`/lib/modules/${kernel}/modules.dep`) ?? '');
}

/** What modprobe's words mean, and what to do. */
export function explainLoad(system: System): (command: Command, outcome: Outcome) => ToaError | undefined {
  return ({ program, args }, { said }) => {
    if (![program, ...args].includes('modprobe')) return undefined;
    const isUnsigned = /Key was rejected|Required key not available|unsigned module/i.test(said);
    const isForbidden = /Operation not permitted|Permission denied/.test(said);
    if (isUnsigned || (isForbidden && signatureRequired(system))) {
      return new ToaError('ERR_TOA_MODULE_SIGNATURE', `the kernel refuses the module. ${enrollment(system)}`);
    }
    if (isForbidden) {
      return new ToaError('ERR_TOA_PERMISSION', `the kernel lets nobody load modules here: ${said}`, {
        hint: 'in a container: CAP_SYS_MODULE, or load it on the host',
      });
    }
    if (/Device or resource busy/.test(said)) {
      return new ToaError(
        'ERR_TOA_MODULE_BUSY',
        `another module has the socket options or functions of toa: ${said}`,
        {
          hint: 'dmesg says which option or function; lsmod what is loaded',
        },
      );
    }
    return undefined;
  };
}
