import { deepStrictEqual, match, strictEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { explainLoad } from '../../../cli/module/load.js';
import { settingsFile } from '../../../cli/module/settings.js';
import { System } from '../../../cli/module/system.js';
import { packageRoot } from '../../../lib/native.js';
import { runShell } from '../../support/run-shell.js';
import type { Case, Guest } from '../guest/guest.js';
import { exceptEmulated } from './commands.js';
import { loadRival } from './rivals.js';

const tools = ['modprobe', 'depmod', 'sysctl'];

/** Runs `toa module`, as an administrator does. */
function toaModule(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const main = join(packageRoot, 'dist/cli/main.js');
  return spawnSync(process.execPath, [main, 'module', ...args], { encoding: 'utf8' });
}

/** Puts the module to where modprobe finds it, until the case has ended. */
function install(guest: Guest): void {
  const folder = `/lib/modules/${release()}/updates`;
  mkdirSync(folder, { recursive: true });
  copyFileSync(guest.module.path, join(folder, 'toa.ko'));
  runShell('depmod');
  guest.afterwards(() => {
    rmSync(join(folder, 'toa.ko'));
    rmSync(settingsFile, { force: true });
  });
}

function withoutTools(): string | undefined {
  const reason = exceptEmulated();
  if (reason !== undefined) return reason;
  const system = new System();
  const missing = tools.filter((name) => !system.hasProgram(name));
  return missing.length === 0 ? undefined : `no ${missing.join(', ')} in the guest`;
}

export const commandLineCases: readonly Case[] = [
  {
    name: 'toa module load gives the settings of its file to all namespaces, status tells them, unload unloads',
    patience: 200,
    unless: withoutTools,
    run: async (guest) => {
      install(guest);
      guest.namespace('older');
      writeFileSync(settingsFile, 'net.toa.trusted = 10.0.0.0/24\nnet.toa.syn = 1\n');

      const load = toaModule('load');
      strictEqual(load.status, 0, load.stderr);
      for (const name of ['trusted', 'syn'])
        strictEqual(
          runShell(`ip netns exec older cat /proc/sys/net/toa/${name}`),
          readFileSync(`/proc/sys/net/toa/${name}`, 'utf8'),
        );
      const { status, stdout } = toaModule('status', '--json');
      const { loaded, others, installed } = JSON.parse(stdout);
      deepStrictEqual([status, others, installed], [0, [], true]);
      deepStrictEqual([loaded.trusted, loaded.syn, loaded.enabled], ['10.0.0.0/24', '1', '1']);

      strictEqual(toaModule('unload').status, 0);
      strictEqual(guest.module.loaded, false);
    },
  },
  {
    name: 'toa module names another module of this kind that is loaded, and load leaves it alone',
    patience: 200,
    unless: withoutTools,
    run: async (guest) => {
      install(guest);
      loadRival(guest, 'option=4096');
      const load = toaModule('load');
      strictEqual(load.status, 1);
      match(load.stderr, /another module of this kind is loaded: rival_toa \(.*rmmod rival_toa\)/);
      strictEqual(guest.module.loaded, false);
      deepStrictEqual(JSON.parse(toaModule('status', '--json').stdout).others, ['rival_toa']);
      // One with another name is told by what modprobe says.
      const { status, stderr } = spawnSync('modprobe', ['toa'], { encoding: 'utf8' });
      const error = explainLoad(new System())(new System().command('modprobe', 'toa'), {
        status,
        said: stderr,
        stdout: '',
      });
      strictEqual(error?.code, 'ERR_TOA_MODULE_BUSY', stderr);
    },
  },
];
