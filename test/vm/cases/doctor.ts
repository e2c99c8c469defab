import { deepStrictEqual, match, strictEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../../lib/native.js';
import { readOneJson } from '../../cli/json.js';
import type { Case } from '../guest/guest.js';
import { BALANCERS } from '../guest/wire.js';

interface Diagnosis {
  check: string;
  state: string;
  finding: string;
}

function toa(...args: string[]): { status: number | null; stdout: string } {
  return spawnSync(process.execPath, [join(packageRoot, 'dist/cli/main.js'), ...args], { encoding: 'utf8' });
}

/** What doctor says of one thing after the other; the ports are those that it looks at. */
function diagnose(...ports: number[]): (check: string) => Diagnosis {
  const { stdout } = toa('doctor', '--json', ...ports.flatMap((port) => ['--port', String(port)]));
  const { checks } = readOneJson<{ checks: Diagnosis[] }>('doctor', stdout);
  return (check) => checks.find((one) => one.check === check) as Diagnosis;
}

export const doctorCases: readonly Case[] = [
  {
    name: 'toa doctor tells what the module is set to, and which listeners defer',
    patience: 200,
    run: async (guest) => {
      guest.load();
      const deferring = await guest.listen(4, { defer: 5 });
      const plain = await guest.listen(6);

      const before = diagnose(plain.port);
      strictEqual(before('module').state, 'ok');
      match(before('trust').finding, /10\./);
      deepStrictEqual(
        ['other modules', 'deferred accept', 'IPv6 clients'].map((check) => before(check).state),
        ['ok', 'ok', 'ok'],
      );
      const both = diagnose(plain.port, deferring.port);
      for (const check of ['deferred accept', 'IPv6 clients']) {
        strictEqual(both(check).state, 'warning');
        match(both(check).finding, new RegExp(`:${deferring.port}: `));
      }

      guest.module.set({ enabled: 0 });
      strictEqual(diagnose()('module').state, 'warning');
      guest.module.set({ enabled: 1, trusted: '' });
      strictEqual(diagnose()('trust').state, 'failure');
      strictEqual(toa('doctor').status, 1);
      guest.module.set({ trusted: '0.0.0.0/0' });
      strictEqual(diagnose()('trust').state, 'warning');
      guest.module.set({ trusted: BALANCERS });
    },
  },
  {
    name: 'toa alone tells the settings and the counters of the module',
    patience: 100,
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
