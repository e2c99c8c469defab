// Who may say who the client is. The forger is not a kernel but a few lines that write what they like; its addresses are
// behind the client's (which does not forward), so that no kernel answers for it:
//
//   forger 198.51.100.9, 2001:db8:9::9
//     │
//   client 203.0.113.7, 2001:db8::7 ──── balancer ──── server                          with a balancer: testbed.ts
//   client 10.0.0.9, fd00::9 ────────── 10.0.0.2, fd00::2 server                       without

import assert from 'node:assert/strict';
import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { Network } from '../../cli/namespaces/network.js';
import type { ReceiverStats } from '../../lib/index.js';
import { networkTest } from './network-test.js';
import { program } from './program.js';
import {
  type Answer,
  balancerConfig,
  buildTestbed,
  curl,
  families,
  get,
  startBalancer,
  startServer,
  stopBalancer,
} from './testbed.js';

const forgers = [
  { from: '198.51.100.9:51514', claimed: '192.0.2.66:6666', prefix: '198.51.100.0/24' },
  { from: '[2001:db8:9::9]:51514', claimed: '[2001:db8:66::66]:6666', prefix: '2001:db8:9::/64' },
] as const;

const macs = { client: '02:00:00:00:00:01', other: '02:00:00:00:00:02' };

function forge(client: Namespace, own: string, server: string, claimed: string): Answer {
  const args = [own, server, claimed, 'eth0', macs.client, macs.other];
  return JSON.parse(client.execute(process.execPath, program('forging-client'), ...args)) as Answer;
}

async function stats(client: Namespace, url: string): Promise<ReceiverStats> {
  return JSON.parse((await curl(client, [`http://${url}/stats`])).stdout.toString()) as ReceiverStats;
}

networkTest(
  'a client that forges the option is known by its own address behind a balancer',
  async (network) => {
    const { client, balancer, server } = buildTestbed(network);
    client.ip('link', 'set', 'eth0', 'address', macs.client);
    balancer.ip('link', 'set', 'clients', 'address', macs.other);
    const config = balancerConfig([80]);
    const behindClient = forgers.map(({ prefix }, index) => ({
      to: prefix,
      link: 'clients',
      via: families[index]?.client ?? '',
    }));
    await startServer(server, 'http', 80);
    const running = await startBalancer(balancer, {
      ...config,
      routes: [...(config.routes ?? []), ...behindClient],
    });
    for (const [index, { url }] of families.entries()) {
      const { from, claimed } = forgers[index] as (typeof forgers)[number];
      const answer = forge(client, from, `${url}:80`, claimed);
      assert.equal(answer.client, from);
      assert.equal(answer.shown, from);
    }
    await stopBalancer(running);
  },
);

/** A client and a server on one cable. */
function direct(network: Network) {
  const client = network.namespace('client');
  const server = network.namespace('server');
  network.cable(
    { namespace: client, device: 'eth0', addresses: ['10.0.0.9/24', 'fd00::9/64'], mac: macs.client },
    { namespace: server, device: 'eth0', addresses: ['10.0.0.2/24', 'fd00::2/64'], mac: macs.other },
  );
  for (const { prefix } of forgers) {
    server.route(prefix, { via: prefix.includes(':') ? 'fd00::9' : '10.0.0.9' });
  }
  return { client, server };
}

networkTest(
  'a peer that is not trusted and writes the option is shown as itself, and counted',
  async (network) => {
    const { client, server } = direct(network);
    await startServer(server, 'http', 80, ['10.0.0.1/32', 'fd00::1/128']);
    for (const [index, host] of ['10.0.0.2', '[fd00::2]'].entries()) {
      const { from, claimed } = forgers[index] as (typeof forgers)[number];
      const answer = forge(client, from, `${host}:80`, claimed);
      assert.deepEqual([answer.client, answer.shown, answer.source], [from, from, 'peer']);
    }
    const { untrusted, savedSyn } = await stats(client, '10.0.0.2');
    assert.deepEqual([untrusted, savedSyn], [2, 0]);
  },
);

networkTest('a connection without the option is shown as what it is, trusted or not', async (network) => {
  const { client, server } = direct(network);
  await startServer(server, 'http', 80, ['10.0.0.0/24', 'fd00::1/128']);
  for (const host of ['10.0.0.2', '[fd00::2]']) {
    const { answer, own } = await get(client, `http://${host}/`);
    assert.deepEqual([answer.client, answer.shown, answer.source], [own, own, 'peer']);
  }
  const { missing, direct: unmarked } = await stats(client, '[fd00::2]');
  assert.deepEqual([missing, unmarked], [1, 2]);
});

networkTest('the forger would be believed by a server that trusts everybody', async (network) => {
  const { client, server } = direct(network);
  await startServer(server, 'http', 80, ['0.0.0.0/0', '::/0']);
  for (const [index, host] of ['10.0.0.2', '[fd00::2]'].entries()) {
    const { from, claimed } = forgers[index] as (typeof forgers)[number];
    const answer = forge(client, from, `${host}:80`, claimed);
    assert.deepEqual([answer.client, answer.peer, answer.source], [claimed, from, 'toa']);
  }
});
