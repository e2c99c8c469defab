import { doesNotMatch, strictEqual } from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { churn } from '../guest/churn.js';
import { type Case, freshPort, until } from '../guest/guest.js';
import { nginxConfiguration } from '../guest/nginx.js';
import { SERVER } from '../guest/wire.js';

const SECONDS = 20;

export const loadCases: readonly Case[] = [
  {
    name: 'loaded and unloaded in a loop under load: nothing breaks, and nobody is shown a wrong address',
    patience: 240,
    run: async (guest) => {
      const folder = mkdtempSync(join(tmpdir(), 'toa-nginx-'));
      const port = freshPort();
      await guest.program(['nginx', '-c', nginxConfiguration(folder, [`${port}`])], /^/);
      const url = `http://${SERVER[4]}:${port}/`;
      await until('nginx listens', () =>
        promisify(execFile)('curl', ['-s', url]).then(
          () => true,
          () => false,
        ),
      );
      const end = Date.now() + 1000 * SECONDS;
      const reload = async () => {
        let times = 0;
        for (; Date.now() < end || times < 3; times++) {
          guest.load({ syn: times % 2 === 0 ? 1 : 0 });
          await new Promise((resolve) => setTimeout(resolve, 300));
          guest.module.unload();
        }
        return times;
      };
      const open = async () => {
        let clients = 0;
        while (Date.now() < end) {
          const seen = await churn(guest, { port: freshPort(), count: 500, shows: 'either' });
          strictEqual(seen.wrong, 0, seen.first);
          clients += seen.client;
        }
        return clients;
      };
      const wrk = promisify(execFile)('wrk', [
        '-t1',
        '-c20',
        `-d${SECONDS}s`,
        '-H',
        'Connection: close',
        url,
      ]);
      const [{ stdout }, times, clients] = await Promise.all([wrk, reload(), open()]);
      // A slow guest may keep somebody waiting; nobody may be turned away.
      doesNotMatch(stdout, /(connect|read|write) [1-9]|Non-2xx/, stdout);
      strictEqual(times >= 3 && clients > 0, true, `${times} times, ${clients} clients`);
      const lines = readFileSync(join(folder, 'access.log'), 'utf8').trim().split('\n');
      strictEqual(
        lines.find((line) => !line.startsWith(`${SERVER[4]}:`)),
        undefined,
      );
    },
  },
];
