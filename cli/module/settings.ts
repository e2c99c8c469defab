import { dirname } from 'node:path';
import { ToaError } from '../../lib/errors.js';
import { compileTrust, privateBlocks } from '../../lib/receiver/trust.js';
import { acceptFormats, type FormatName } from '../../lib/toa/index.js';
import type { Command } from './command.js';
import { isPackaged } from './package.js';
import type { System } from './system.js';

/** What the module begins with, by the names that it has as a module parameter and below net.toa. */
export interface Settings {
  readonly trusted: string;
  readonly formats: string;
  readonly syn: string;
}

/** Read at every boot, after modules are loaded. The one place that the settings are kept in. */
export const settingsFile = '/etc/sysctl.d/60-toa.conf';
/** Has the module loaded at boot. */
export const loadFile = '/etc/modules-load.d/toa.conf';

/** The limits of the module (kernel-module/trust.h). */
const MOST_BLOCKS = 256;
const MOST_BYTES = 16_384;
/** What the kernel takes as a parameter of type text (param_set_charp). */
const LONGEST_PARAMETER = 1024;

/**
 * Checks settings by the same rules as the module.
 * @throws ToaError ERR_TOA_TRUST, ERR_TOA_TRUST_REQUIRED, ERR_TOA_FORMAT
 */
export function checkSettings(given: { trusted: string; formats: string; syn: boolean }): Settings {
  const trusted = words(given.trusted);
  compileTrust(trusted.join(','));
  const blocks = trusted.flatMap((word) => (word === 'private' ? privateBlocks : word)).length;
  if (blocks > MOST_BLOCKS || trusted.join(',').length > MOST_BYTES) {
    throw new ToaError(
      'ERR_TOA_TRUST',
      `trusted: given ${blocks} blocks, wanted at most ${MOST_BLOCKS} in ${MOST_BYTES} bytes`,
    );
  }
  const formats = words(given.formats);
  acceptFormats(wanted(formats));
  return { trusted: trusted.join(','), formats: formats.join(','), syn: given.syn ? '1' : '0' };
}

const words = (text: string) => text.split(/[\s,]+/).filter((word) => word !== '');

function wanted(formats: readonly string[]): readonly FormatName[] | 'default' | 'all' {
  const [only] = formats;
  return formats.length === 1 && (only === 'default' || only === 'all') ? only : (formats as FormatName[]);
}

/** The settings that a system has in its file, which an administrator may have shortened; undefined where it trusts nobody. */
export function readSettings(system: System): Partial<Settings> | undefined {
  const entries = (system.read(settingsFile) ?? '')
    .split('\n')
    .map((line) => /^\s*-?net[./]toa[./](trusted|formats|syn)\s*=\s*(.*?)\s*$/.exec(line))
    .flatMap((match) => (match ? [[match[1], match[2]]] : []));
  const settings = Object.fromEntries(entries) as Partial<Settings>;
  return settings.trusted ? settings : undefined;
}

/** The commands that write what is not there yet. */
export function writeSettings(system: System, settings: Settings): Command[] {
  const lines = Object.entries(settings).map(([name, value]) => `net.toa.${name} = ${value}\n`);
  return [
    ...write(
      system,
      settingsFile,
      `# The kernel module toa: whose TCP options are believed.\n${lines.join('')}`,
    ),
    ...(isPackaged(system) ? [] : write(system, loadFile, 'toa\n')),
  ];
}

function write(system: System, path: string, text: string): Command[] {
  if (system.read(path) === text.trim()) return [];
  const folder = dirname(path);
  return [
    ...(system.has(folder) ? [] : [{ program: 'mkdir', args: ['-p', system.path(folder)] }]),
    { program: 'tee', args: [system.path(path)], input: text },
  ];
}

/** The commands that remove what is there. */
export function removeSettings(system: System): Command[] {
  return [settingsFile, loadFile]
    .filter((path) => system.has(path))
    .map((path) => ({ program: 'rm', args: [system.path(path)] }));
}

/** The command that makes a loaded module take the settings of the file. */
export const applySettings = (system: System): Command => system.command('sysctl', '-p', settingsFile);

/** Parameters for a module that is about to be loaded: network namespaces that exist already get them, and no sysctl.d file. */
export function moduleParameters(settings: Partial<Settings> = {}): string[] {
  return Object.entries(settings)
    .filter(([, value]) => value.length <= LONGEST_PARAMETER)
    .map(([name, value]) => `${name}=${value}`);
}
