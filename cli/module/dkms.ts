import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/native.js';
import { version } from '../manifest.js';
import { type Command, run } from './command.js';
import type { System } from './system.js';

/** A version of the module that DKMS knows; `kernel` where it has been built for one. */
export interface DkmsEntry {
  readonly version: string;
  readonly kernel?: string;
  /** `added`, `built`, `installed`. */
  readonly state: string;
}

const sources = join(packageRoot, 'kernel-module');

/** What DKMS has of the module; nothing where there is no DKMS. */
export async function readDkms(system: System): Promise<DkmsEntry[]> {
  if (!system.hasProgram('dkms')) return [];
  const { stdout } = await run(system.command('dkms', 'status', '-m', 'toa'));
  return parseDkmsStatus(stdout);
}

/**
 * Reads what `dkms status` prints. DKMS 3: `toa/0.1.0, 6.1.0-56-amd64, x86_64: installed`, `toa/0.1.0: added`; DKMS 2 has a
 * comma and a space where 3 has the slash. A warning may follow the state.
 */
export function parseDkmsStatus(text: string): DkmsEntry[] {
  return text.split('\n').flatMap((line) => {
    const [, found, kernel, state] = /^toa(?:\/|, )([^,:]+)(?:, ([^,:]+), [^,:]+)?: (\w+)/.exec(line) ?? [];
    if (found === undefined || state === undefined) return [];
    return [{ version: found, state, ...(kernel === undefined ? {} : { kernel }) }];
  });
}

/**
 * The commands that build and install this version for a kernel; none where it is installed already. Older versions go once
 * the new one has been built, so that one that does not build takes nothing away.
 */
export async function dkmsInstall(system: System, kernel: string): Promise<Command[]> {
  const entries = await readDkms(system);
  const known = entries.filter((entry) => entry.version === version);
  const current = known.length > 0 && hasOurSources(system);
  if (current && known.some((entry) => entry.kernel === kernel && entry.state === 'installed')) return [];
  const older = new Set(entries.map((entry) => entry.version).filter((one) => one !== version));
  return [
    ...(known.length > 0 && !current ? [dkms(system, 'remove', version, '--all')] : []),
    ...(current ? [] : [copySources(system), dkms(system, 'add', version)]),
    dkms(system, 'build', version, '-k', kernel),
    ...removeVersions(system, older),
    dkms(system, 'install', version, '-k', kernel),
  ];
}

/** The commands that remove all versions. */
export async function dkmsRemove(system: System): Promise<Command[]> {
  const entries = await readDkms(system);
  return removeVersions(system, new Set(entries.map((entry) => entry.version)));
}

function removeVersions(system: System, versions: ReadonlySet<string>): Command[] {
  return [...versions].flatMap((one) => [
    dkms(system, 'remove', one, '--all'),
    { program: 'rm', args: ['-r', system.path(sourceFolder(one))] },
  ]);
}

const sourceFolder = (of: string) => `/usr/src/toa-${of}`;

function dkms(system: System, action: string, of: string, ...more: string[]): Command {
  return system.command('dkms', action, '-m', 'toa', '-v', of, ...more);
}

/** The Makefile knows which files belong to it. */
function copySources({ isOurs, root }: System): Command {
  const destination = isOurs ? [] : [`DESTDIR=${root}`];
  return {
    program: 'make',
    args: ['-s', '-C', sources, 'dkms-sources', `VERSION=${version}`, ...destination],
  };
}

/** Whether the sources that DKMS builds are these here: in a checkout they change without a new version. */
function hasOurSources(system: System): boolean {
  const folder = system.path(sourceFolder(version));
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'dkms.conf')
      .map((entry) => join(entry.parentPath, entry.name))
      .every((path) => readFileSync(path).equals(readFileSync(join(sources, path.slice(folder.length)))));
  } catch {
    return false;
  }
}
