// Routers on both sides of the balancer, whose far sides carry less than what comes in:
//
//   client 198.51.100.7 ─── outer router 203.0.113.7 ─── balancer ─── 10.0.0.2 router inner ─── 10.1.0.2 server
//          2001:db8:51::7  (1400)        2001:db8::7                 fd00::2         (1320)     fd01::2
//
// The ends believe in 1500 bytes. The rest is as in testbed.ts.

import assert from 'node:assert/strict';
import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { Network } from '../../cli/namespaces/network.js';
import type { BalancerConfig, ServiceConfig } from '../../lib/balancer/config/index.js';
import { networkTest } from './network-test.js';
import {
  balancerConfig,
  buildTestbed,
  curl,
  noise,
  startBalancer,
  startServer,
  stopBalancer,
} from './testbed.js';

/** Of the outer router's far side: less than its near side, more than IPv6 needs with the option. */
const OUTER_MTU = 1400;
const INNER_MTU = 1320;
/** A port that leads to a real server which the inner router has no way to. */
const NOWHERE = 81;

interface Way {
  readonly name: string;
  readonly vip: string;
  readonly url: string;
  readonly local: string;
  readonly server: string;
  readonly lost: string;
  /** What a client's connect() says when its SYN came no further than the inner router. */
  readonly error: string;
}

const ways: readonly Way[] = [
  {
    name: 'IPv4',
    vip: '203.0.113.80',
    url: '203.0.113.80',
    local: '10.0.0.1',
    server: '10.1.0.2',
    lost: '10.1.0.9',
    error: 'EHOSTUNREACH',
  },
  {
    name: 'IPv6',
    vip: '2001:db8::80',
    url: '[2001:db8::80]',
    local: 'fd00::1',
    server: 'fd01::2',
    lost: 'fd01::9',
    // Linux's routers say "no route to destination" here.
    error: 'ENETUNREACH',
  },
  {
    // RFC 7915: "host unreachable" becomes "no route to destination".
    name: 'NAT64',
    vip: '2001:db8::64',
    url: '[2001:db8::64]',
    local: '10.0.0.1',
    server: '10.1.0.2',
    lost: '10.1.0.9',
    error: 'ENETUNREACH',
  },
];

function config(): BalancerConfig {
  const service = (port: number, { vip, local }: Way, address: string): ServiceConfig => ({
    address: vip,
    port,
    mode: 'fullnat',
    scheduler: 'rr',
    localAddresses: [local],
    toa: { on: ['syn', 'ack'] },
    realServers: [{ address, port: 80 }],
  });
  const usual = balancerConfig([]);
  return {
    ...usual,
    routes: [
      ...(usual.routes ?? []),
      { to: '198.51.100.0/24', link: 'clients', via: '203.0.113.7' },
      { to: '2001:db8:51::/64', link: 'clients', via: '2001:db8::7' },
      { to: '10.1.0.0/24', link: 'servers', via: '10.0.0.2' },
      { to: 'fd01::/64', link: 'servers', via: 'fd00::2' },
    ],
    services: ways.flatMap((way) => [service(80, way, way.server), service(NOWHERE, way, way.lost)]),
  };
}

function buildFarTestbed(network: Network): Record<'client' | 'balancer' | 'server', Namespace> {
  const { client: outerRouter, balancer, server: innerRouter } = buildTestbed(network);
  const client = network.namespace('far-client');
  const server = network.namespace('far-server');
  network.cable(
    { namespace: client, device: 'eth0', addresses: ['198.51.100.7/24', '2001:db8:51::7/64'] },
    { namespace: outerRouter, device: 'outer', addresses: ['198.51.100.1/24', '2001:db8:51::1/64'] },
  );
  network.cable(
    { namespace: innerRouter, device: 'inner', addresses: ['10.1.0.1/24', 'fd01::1/64'] },
    { namespace: server, device: 'eth0', addresses: ['10.1.0.2/24', 'fd01::2/64'] },
  );
  for (const router of [outerRouter, innerRouter]) {
    router.sysctl({ 'net/ipv4/ip_forward': 1, 'net/ipv6/conf/all/forwarding': 1 });
  }
  outerRouter.ip('route', 'replace', '198.51.100.0/24', 'dev', 'outer', 'mtu', String(OUTER_MTU));
  outerRouter.ip('route', 'replace', '2001:db8:51::7', 'dev', 'outer', 'mtu', String(OUTER_MTU));
  innerRouter.ip('route', 'replace', '10.1.0.0/24', 'dev', 'inner', 'mtu', String(INNER_MTU));
  innerRouter.ip('route', 'replace', 'fd01::2', 'dev', 'inner', 'mtu', String(INNER_MTU));
  innerRouter.ip('route', 'add', 'unreachable', '10.1.0.9');
  innerRouter.ip('route', 'add', 'unreachable', 'fd01::9');
  client.route('0.0.0.0/0', { via: '198.51.100.1' });
  client.route('::/0', { via: '2001:db8:51::1' });
  server.route('10.0.0.0/24', { via: '10.1.0.1' });
  server.route('fd00::/64', { via: 'fd01::1' });
  return { client, balancer, server };
}

for (const way of ways) {
  networkTest(
    `${way.name}: both ends learn through the balancer what the ways behind it carry`,
    async (network) => {
      const { client, balancer, server } = buildFarTestbed(network);
      await startServer(server, 'http', 80);
      const running = await startBalancer(balancer, config());
      // All of what the client sends carries the option, for the server's first byte comes last.
      const sent = noise(500_000);
      const { stdout } = await curl(client, ['--data-binary', '@-', `http://${way.url}/`], sent);
      assert.ok(stdout.equals(sent), `${stdout.length} bytes came back, not the same`);
      const counters = await stopBalancer(running);
      assert.ok(counters['icmp-error-to-client']! > 0, 'the client was told');
      assert.ok(counters['icmp-error-to-server']! > 0, 'the server was told');
    },
  );

  networkTest(
    `${way.name}: a client is told at once that there is no way to the real server`,
    async (network) => {
      const { client, balancer } = buildFarTestbed(network);
      const running = await startBalancer(balancer, config());
      const program = `require('node:net').connect(${NOWHERE}, '${way.vip}').on('error', (e) => console.log(e.code))`;
      const { stdout } = await client.run(process.execPath, ['-e', program]);
      assert.equal(stdout.toString().trim(), way.error);
      const counters = await stopBalancer(running);
      assert.equal(counters['icmp-error-to-client'], 1, 'the first SYN was enough');
    },
  );
}
