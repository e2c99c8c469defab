import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { settingsFile } from '../../../cli/module/settings.js';
import { System } from '../../../cli/module/system.js';
import { packageRoot } from '../../../lib/native.js';
import { runShell } from '../../support/run-shell.js';
import type { Case, Guest } from '../guest/guest.js';

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

export const commandLineCases: readonly Case[] = [
  {
    name: 'toa module load gives the settings of its file to all namespaces, status tells them, unload unloads',
    patience: 200,
    unless: () => {
      const system = new System();
      const missing = tools.filter((name) => !system.hasProgram(name));
      return missing.length === 0 ? undefined : `no ${missing.join(', ')} in the guest`;
    },
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
];
