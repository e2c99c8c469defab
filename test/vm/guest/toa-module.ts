/** toa.ko as its user meets it: parameters, settings, files in /proc. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseStatistics } from '../../../cli/module/statistics.js';

/** Settings of net.toa, which are parameters of the module as well. */
export interface Settings {
  readonly enabled?: 0 | 1;
  /** Ids of formats, with commas between. */
  readonly formats?: string;
  /** CIDRs of balancers, with commas between, or `private`. */
  readonly trusted?: string;
  readonly syn?: 0 | 1;
}

export interface Parameters extends Settings {
  readonly max_entries?: number;
}

/** A module on disk, and in the kernel once it is loaded. */
export class ToaModule {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get loaded(): boolean {
    return existsSync('/sys/module/toa');
  }

  load(parameters: Parameters = {}): void {
    const words = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
    const { status, stderr } = spawnSync('insmod', [this.path, ...words], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`insmod toa.ko ${words.join(' ')}: ${stderr}`);
  }

  unload(): void {
    const { status, stderr } = spawnSync('rmmod', ['toa'], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`rmmod toa: ${stderr}`);
  }

  /** Writes settings of the network namespace that this process is in. */
  set(settings: Settings): void {
    for (const [name, value] of Object.entries(settings)) writeFileSync(settingPath(name), `${value}\n`);
  }

  get(name: keyof Settings): string {
    return readFileSync(settingPath(name), 'utf8').trim();
  }

  /** The rows of /proc/net/toa_stats, summed over the processors. */
  stats(text = readFileSync('/proc/net/toa_stats', 'utf8')): Record<string, number> {
    return parseStatistics(text);
  }

  /** The lines of /proc/net/toa_connections, without headings. */
  connections(): string[] {
    const lines = readFileSync('/proc/net/toa_connections', 'utf8').trim().split('\n');
    return lines.filter((line) => /\d/.test(line));
  }
}

export function settingPath(name: string): string {
  return `/proc/sys/net/toa/${name}`;
}
