// A client two hops away, and a gateway that gets another network card under a connection that is open:
//
//   client 198.51.100.7 ── outer router inner ── 203.0.113.7 ... the rest as in testbed.ts, its client being the router
//          2001:db8:51::7                        2001:db8::7

import assert from 'node:assert/strict';
import type { Network } from '../../cli/namespaces/network.js';
import { networkTest } from './network-test.js';
import { program } from './program.js';
import {
  type Answer,
  balancerConfig,
  buildTestbed,
  families,
  startBalancer,
  startServer,
} from './testbed.js';

const far = [
  { client: '198.51.100.7/24', router: '198.51.100.1/24', gateway: '198.51.100.1', all: '0.0.0.0/0' },
  { client: '2001:db8:51::7/64', router: '2001:db8:51::1/64', gateway: '2001:db8:51::1', all: '::/0' },
] as const;

for (const [how, announced] of [
  ['announces, as VRRP does', 1],
  ['does not announce', 0],
] as const) {
  networkTest(
    `a connection from two hops away outlives a change of its gateway's MAC that it ${how}`,
    (network) => changeGateway(network, announced),
  );
}

async function changeGateway(network: Network, announced: 0 | 1): Promise<void> {
  const { client: router, balancer, server } = buildTestbed(network);
  const client = network.namespace('far');
  network.cable(
    { namespace: client, device: 'eth0', addresses: far.map((each) => each.client) },
    { namespace: router, device: 'outer', addresses: far.map((each) => each.router) },
  );
  router.sysctl({
    'net/ipv4/ip_forward': 1,
    'net/ipv6/conf/all/forwarding': 1,
    'net/ipv4/conf/eth0/arp_notify': announced,
    'net/ipv6/conf/eth0/ndisc_notify': announced,
  });
  for (const { gateway, all } of far) client.route(all, { via: gateway });
  const viaRouter = far.map(({ all }, index) => ({
    to: all,
    link: 'clients',
    via: families[index]?.client ?? '',
  }));
  await startServer(server, 'http', 80);
  const config = balancerConfig([80]);
  await startBalancer(balancer, { ...config, routes: [...(config.routes ?? []), ...viaRouter] });

  const clients = families.map(({ vip }) =>
    client.start(process.execPath, [program('patient-client'), vip, '80']),
  );
  for (const running of clients) await running.line(/^answer 1/);
  router.ip('link', 'set', 'eth0', 'address', '02:00:00:00:00:99');
  for (const running of clients) {
    running.stdin.write('\n');
    const { client: seen } = JSON.parse((await running.line(/^answer 2/)).replace('answer 2 ', '')) as Answer;
    assert.match(seen ?? '', /^(198\.51\.100\.7|\[2001:db8:51::7\]):\d+$/);
    assert.equal((await running.finished()).code, 0);
  }
}
