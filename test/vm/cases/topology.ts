/**
 * The whole of it: real clients, our balancer with the option on the ACK only, and servers behind toa.ko, in the
 * namespaces of test/network/testbed.ts.
 */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Network } from '../../../cli/namespaces/network.js';
import {
  balancerConfig,
  buildTestbed,
  curl,
  families,
  get,
  startBalancer,
  startServer,
  type Testbed,
} from '../../network/testbed.js';
import { type Case, type Guest, until } from '../guest/guest.js';
import { nginxConfiguration } from '../guest/nginx.js';
import { Witness } from '../guest/witness.js';
import { sinceDebian12 } from './neighbors.js';

const LOCALS = '10.0.0.1,fd00::1';
const SOL_MPTCP = 284;
const MPTCP_INFO = 1;
const MPTCP_INFO_FLAG_FALLBACK = 1;

export const topologyCases: readonly Case[] = [
  {
    name: 'client, balancer, nginx: the access log holds the real addresses',
    patience: 200,
    run: async (guest) => {
      guest.load({ trusted: LOCALS });
      const { client, server } = await lay(guest, [80]);
      const folder = mkdtempSync(join(tmpdir(), 'toa-nginx-'));
      server.start('nginx', [
        '-c',
        nginxConfiguration(folder, ['80', '[::]:80']),
        '-e',
        join(folder, 'error.log'),
      ]);
      await until('nginx listens', () => server.execute('ss', '-Hltn').includes(':80'));
      const wanted: string[] = [];
      for (const [from, url] of [
        ['203.0.113.8', '203.0.113.80'],
        ['203.0.113.9', '203.0.113.80'],
        ['2001:db8::8', '[2001:db8::80]'],
      ] as const) {
        const format = '%{local_port}';
        const { stdout } = await curl(client, [
          '--interface',
          from,
          '-o',
          '/dev/null',
          '-w',
          format,
          `http://${url}/`,
        ]);
        wanted.push(`${from.includes(':') ? `[${from}]` : from}:${stdout} 200`);
      }
      deepStrictEqual(readFileSync(join(folder, 'access.log'), 'utf8').trim().split('\n'), wanted);
    },
  },
  {
    name: 'client, balancer, Node: shown without toakit, and by attach() via the module with the balancer as peer',
    patience: 300,
    run: async (guest) => {
      guest.load({ trusted: LOCALS });
      const { client, server } = await lay(guest, [8080, 8081]);
      await startServer(server, 'http', 8080, []);
      await startServer(server, 'http', 8081);
      for (const { url, local } of families) {
        const plain = await get(client, `http://${url}:8080/`);
        strictEqual(plain.answer.shown, plain.own);
        const attached = await get(client, `http://${url}:8081/`);
        const { shown, source, via } = attached.answer;
        deepStrictEqual(
          [attached.answer.client, shown, source, via],
          [attached.own, attached.own, 'toa', 'module'],
        );
        ok(attached.answer.peer!.includes(local), `peer ${attached.answer.peer}`);
      }
      guest.module.unload();
      const { answer } = await get(client, `http://${families[0].url}:8081/`);
      ok(answer.client!.startsWith(`${families[0].local}:`), `without the module ${answer.client}`);
    },
  },
  {
    name: 'MPTCP listener: a client that speaks MPTCP through the balancer',
    patience: 200,
    unless: sinceDebian12,
    run: async (guest) => {
      guest.load({ trusted: LOCALS });
      const { client, server } = await lay(guest, [80]);
      const [here, there] = [new Witness(client.name), new Witness(server.name)];
      guest.afterwards(() => [here, there].map((witness) => witness.end()));
      const listener = await there.listen(4, 80, { mptcp: true });
      const fd = await here.ask<number>('fresh', 4, { mptcp: true, bind: '203.0.113.7' });
      await here.ask('connect', fd, '203.0.113.80', 80);
      const own = await here.ask<string>('local', fd);
      await here.ask('write', fd, 'hello');
      const { accepted, peer, fd: server4 } = await there.accept(listener);
      strictEqual(await there.ask('read', server4, 10), 'hello');
      const info = await there.option(server4, SOL_MPTCP, MPTCP_INFO, 40);
      ok(typeof info !== 'string', `MPTCP_INFO: ${info}`);
      strictEqual(info[8]! & MPTCP_INFO_FLAG_FALLBACK, 0, 'it is MPTCP');
      deepStrictEqual([accepted, peer], [own, own]);
    },
  },
];

/** The testbed with a running balancer for these ports. */
async function lay(guest: Guest, ports: readonly number[]): Promise<Testbed> {
  const network = new Network();
  guest.afterwards(() => network.dispose());
  const testbed = buildTestbed(network);
  const config = balancerConfig(ports);
  const services = config.services.map((service) => ({ ...service, toa: { on: ['ack'] as const } }));
  await startBalancer(testbed.balancer, { ...config, services: services as typeof config.services });
  return testbed;
}
