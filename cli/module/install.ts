import type { Command } from './command.js';
import { dkmsInstall } from './dkms.js';
import { readLoaded } from './loaded.js';
import { isPackaged } from './package.js';
import { applySettings, type Settings, writeSettings } from './settings.js';
import type { System } from './system.js';

/** What an installation takes: only what is not so yet. */
export interface InstallPlan {
  readonly building: readonly Command[];
  readonly setting: readonly Command[];
}

/** The commands that bring a system to have the module for this kernel, loaded at boot with these settings. */
export async function planInstall(system: System, kernel: string, settings: Settings): Promise<InstallPlan> {
  const writing = writeSettings(system, settings);
  const isLoaded = system.isOurs && readLoaded(system).ours !== undefined;
  return {
    building: isPackaged(system) ? [] : await dkmsInstall(system, kernel),
    setting: isLoaded && writing.length > 0 ? [...writing, applySettings(system)] : writing,
  };
}
