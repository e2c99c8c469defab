import { ToaError } from '../../lib/errors.js';
import type { Command } from './command.js';
import { dkmsRemove } from './dkms.js';
import { readLoaded } from './loaded.js';
import { isPackaged } from './package.js';
import { removeSettings } from './settings.js';
import type { System } from './system.js';
import { unloading } from './unload.js';

/** The commands that leave nothing of the module: loaded, installed for any kernel, set. Throws ERR_TOA_PACKAGED. */
export async function planRemove(system: System): Promise<Command[]> {
  if (isPackaged(system)) {
    throw new ToaError('ERR_TOA_PACKAGED', 'the module came as a package, which is what removes it', {
      hint: 'apt-get purge toakit-dkms',
    });
  }
  const isLoaded = system.isOurs && readLoaded(system).ours !== undefined;
  return [...(isLoaded ? unloading(system) : []), ...(await dkmsRemove(system)), ...removeSettings(system)];
}
