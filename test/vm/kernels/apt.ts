/**
 * An apt of our own: its sources, lists and downloads are in a folder, and it believes that nothing is installed. Of the
 * machine it takes the mirror, the way there (proxy and the like) and Debian's keys.
 */
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../run.js';
import type { Architecture } from './catalog.js';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** How old lists may be, in ms: kernels change within days. */
const FRESH = 3_600_000;

/** What an archive says of a package. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** Names only; of alternatives the first. */
  readonly depends: readonly string[];
}

export class PrivateApt {
  readonly #folder: string;
  readonly #options: readonly string[];

  /** `source` is a URI and a suite. */
  constructor(
    folder: string,
    source: { readonly uri: string; readonly suite: string },
    architecture: Architecture,
  ) {
    this.#folder = folder;
    for (const part of ['lists/partial', 'cache/archives/partial'])
      mkdirSync(join(folder, part), { recursive: true });
    writeFileSync(
      join(folder, 'sources.list'),
      `deb [signed-by=${KEYRING}] ${source.uri} ${source.suite} main\n`,
    );
    writeFileSync(join(folder, 'status'), '');
    const settings = {
      'APT::Architecture': architecture,
      'APT::Architectures': architecture,
      'APT::Sandbox::User': 'root', // the user _apt may not be able to look into the folder
      'Acquire::Languages': 'none',
      'Debug::NoLocking': 'true',
      'Dir::Cache': join(folder, 'cache'),
      'Dir::Etc::SourceList': join(folder, 'sources.list'),
      'Dir::Etc::SourceParts': '/dev/null',
      'Dir::Etc::Preferences': '/dev/null',
      'Dir::Etc::PreferencesParts': '/dev/null',
      'Dir::State': folder,
      'Dir::State::lists': join(folder, 'lists'),
      'Dir::State::status': join(folder, 'status'),
    };
    this.#options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  }

  /** Fetches the lists, unless they are fresh. */
  async update(): Promise<void> {
    const stamp = join(this.#folder, 'updated');
    const age = Date.now() - (statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (age < FRESH) return;
    await run('apt-get', [...this.#options, '--error-on=any', 'update']);
    writeFileSync(stamp, '');
  }

  /** The newest version of a package, or undefined where there is none. */
  async find(name: string): Promise<Package | undefined> {
    const text = await run('apt-cache', [...this.#options, 'show', '--no-all-versions', name]).catch(
      () => '',
    );
    const field = (key: string) => new RegExp(`^${key}: (.*)$`, 'm').exec(text)?.[1];
    const version = field('Version');
    if (version === undefined) return undefined;
    const depends = (field('Depends') ?? '').split(',').map((one) => one.trim().split(' ', 1)[0]!);
    return { name, version, depends: depends.filter((one) => one !== '') };
  }

  /** Downloads these packages, and hands each file to `use`; then they are deleted. */
  async download(names: readonly string[], use: (file: string) => Promise<void>): Promise<void> {
    await this.#fetch(join(this.#folder, `download-${process.pid}`), ['download', ...names], use);
  }

  /** The same with everything that they depend on, as for an empty machine. */
  async downloadWithDependencies(
    names: readonly string[],
    use: (file: string) => Promise<void>,
  ): Promise<void> {
    const install = ['install', '--yes', '--download-only', '--no-install-recommends', ...names];
    const folder = join(this.#folder, `archives-${process.pid}`);
    mkdirSync(join(folder, 'partial'), { recursive: true });
    await this.#fetch(folder, ['-o', `Dir::Cache::archives=${folder}`, ...install], use);
  }

  async #fetch(folder: string, args: readonly string[], use: (file: string) => Promise<void>): Promise<void> {
    mkdirSync(folder, { recursive: true });
    try {
      await run('apt-get', [...this.#options, ...args], { cwd: folder });
      for (const file of readdirSync(folder)) if (file.endsWith('.deb')) await use(join(folder, file));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}
