import { deepStrictEqual, match, strictEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../../lib/native.js';
import { readOneJson } from '../../cli/json.js';
import type { Case } from '../guest/guest.js';
import { exceptEmulated } from './commands.js';

interface Diagnosis {
  check: string;
  state: string;
  finding: string;
}

function toa(...args: string[]): { status: number | null; stdout: string } {
  const command = [join(packageRoot, 'dist/cli/main.js'), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  strictEqual(stderr, '');
  return { status, stdout };
}

/** What doctor says of one thing and another, looking at these ports, and its exit status. */
function diagnose(...ports: number[]): { status: number | null; of: (check: string) => Diagnosis } {
  const { status, stdout } = toa('doctor', '--json', ...ports.flatMap((port) => ['--port', String(port)]));
  const { checks } = readOneJson<{ checks: Diagnosis[] }>('doctor', stdout);
  return { status, of: (check) => checks.find((one) => one.check === check) as Diagnosis };
}

export const doctorCases: readonly Case[] = [
  {
    name: 'toa doctor tells what the module is set to, and which listeners defer',
    patience: 200,
    unless: exceptEmulated,
    run: async (guest) => {
      guest.load();
      const deferring = await guest.listen(4, { defer: 5 });
      const plain = await guest.listen(6);

      const both = diagnose(plain.port, deferring.port);
      strictEqual(both.of('module').state, 'ok');
      match(both.of('trust').finding, /^10\.9\.1\.0\/24,fd00:9:1::\/64, but nobody after the next boot/);
      for (const check of ['deferred accept', 'IPv6 clients']) {
        strictEqual(both.of(check).state, 'warning');
        match(both.of(check).finding, new RegExp(`:${deferring.port}: `));
      }

      guest.module.set({ enabled: 0, trusted: '' });
      const spoilt = diagnose(plain.port);
      strictEqual(spoilt.status, 1);
      const states = ['module', 'trust', 'other modules', 'deferred accept', 'IPv6 clients'];
      deepStrictEqual(
        states.map((check) => spoilt.of(check).state),
        ['warning', 'failure', 'ok', 'ok', 'ok'],
      );
    },
  },
  {
    name: 'toa alone tells the settings and the counters of the module',
    run: async (guest) => {
      guest.load();
      const listening = await guest.listen(4);
      await guest.join(listening, 4);
      const { module } = readOneJson<{ module: { trusted: string; counters: Record<string, number> } }>(
        'status',
        toa('--json').stdout,
      );
      match(module.trusted, /10\./);
      deepStrictEqual(module.counters, guest.module.stats());
      strictEqual(module.counters.syn_recv_sock_no_toa, 1);
    },
  },
];
