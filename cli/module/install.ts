import type { Command } from './command.js';
import { dkmsInstall } from './dkms.js';
import { readLoaded } from './loaded.js';
import { isPackaged } from './package.js';
import { applySettings, type Settings, writeSettings } from './settings.js';
import type { System } from './system.js';

/** The commands that bring a system to have the module for this kernel, loaded at boot with these settings; those that are needed. */
export function planInstall(system: System, kernel: string, settings: Settings): Command[] {
  const writing = writeSettings(system, settings);
  const isLoaded = system.isOurs && readLoaded(system).ours !== undefined;
  return [
    ...(isPackaged(system) ? [] : dkmsInstall(system, kernel)),
    ...writing,
    ...(isLoaded && writing.length > 0 ? [applySettings(system)] : []),
  ];
}
