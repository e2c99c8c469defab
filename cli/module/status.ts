import { version } from '../manifest.js';
import { type DkmsEntry, readDkms } from './dkms.js';
import { isInstalled } from './load.js';
import { type Loaded, readLoaded } from './loaded.js';
import { isPackaged } from './package.js';
import { hasHeaders } from './requirements.js';
import { readSettings, type Settings } from './settings.js';
import { signatureRequired } from './signature.js';
import type { System } from './system.js';

/** All that `toa module status` tells. */
export interface ModuleStatus {
  /** What this toakit would install. */
  readonly version: string;
  readonly kernel: string;
  /** What runs now; null where it is not loaded. */
  readonly loaded: NonNullable<Loaded['ours']> | null;
  /** Loaded modules of the same kind that are not ours. */
  readonly others: readonly string[];
  /** Whether modprobe finds the module for this kernel. */
  readonly installed: boolean;
  readonly packaged: boolean;
  readonly dkms: readonly DkmsEntry[];
  /** What it begins with; null where nobody is trusted. */
  readonly settings: Partial<Settings> | null;
  readonly headers: boolean;
  readonly signatureRequired: boolean;
}

export async function readStatus(system: System, kernel: string): Promise<ModuleStatus> {
  const { ours, others } = readLoaded(system);
  return {
    version,
    kernel,
    loaded: ours ?? null,
    others,
    installed: isInstalled(system, kernel),
    packaged: isPackaged(system),
    dkms: await readDkms(system),
    settings: readSettings(system) ?? null,
    headers: hasHeaders(system, kernel),
    signatureRequired: signatureRequired(system),
  };
}
