// The testbed with sub-interfaces; VIPs, local addresses and all else are the same:
//
//   client eth0.10 203.0.113.17, 2001:db8::17 ══ VLAN 10 ══ clients.10 balancer servers ── 10.0.0.2, fd00::2 server

import assert from 'node:assert/strict';
import type { Network } from '../../cli/namespaces/network.js';
import {
  balancerConfig,
  buildTestbed,
  families,
  get,
  startBalancer,
  startServer,
  stopBalancer,
} from './testbed.js';

const clients = { 4: '203.0.113.17', 6: '2001:db8::17' } as const;

/** A client of either family, through the balancer on a VLAN sub-interface, is known by its own address. */
export async function balanceOnVlan(network: Network): Promise<void> {
  const { client, balancer, server } = buildTestbed(network);
  client.vlan('eth0', 10, [`${clients[4]}/24`, `${clients[6]}/64`]);
  balancer.vlan('clients', 10);
  client.ip('address', 'flush', 'dev', 'eth0');
  await startServer(server, 'http', 80);
  const links = [{ name: 'clients', interface: 'clients.10' }, { name: 'servers' }];
  const running = await startBalancer(balancer, balancerConfig([80], { links }));
  for (const { url, family } of families) {
    const { answer, own } = await get(client, `http://${url}/`, '--interface', clients[family]);
    assert.equal(answer.client, own);
  }
  const counters = await stopBalancer(running);
  assert.equal(counters['connections-new'], families.length);
}
