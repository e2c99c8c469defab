// The network of the modes in which real servers know the clients: everybody on one wire, and a client behind a router.
//
//   client 198.51.100.7, .8, .9 ══ outer router lan 203.0.113.1 ──┬── switch
//          2001:db8:51::7, ::8, ::9              2001:db8::1      │
//                                 balancer, no address ── lan ────┤
//                                 server 203.0.113.2 ── eth0 ─────┘ (real-server.ts)
//                                        2001:db8::2
//
// VIPs 203.0.113.80 and 2001:db8::80; the balancer's own addresses are 203.0.113.3 and 2001:db8::3. Neither the way to the
// server nor that to the client (══) has room for the 1500 bytes that both ends believe in: 1400 and 1300.

import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { CableEnd, Network } from '../../cli/namespaces/network.js';
import type { BalancerConfig } from '../../lib/balancer/config/index.js';

const WAY_TO_SERVER = 1400;
const WAY_TO_CLIENT = 1300;

export const lanFamilies = [
  {
    family: 4,
    prefix: 24,
    host: 32,
    clients: ['198.51.100.7', '198.51.100.8', '198.51.100.9'],
    gateway: '198.51.100.1',
    outside: '198.51.100.0/24',
    router: '203.0.113.1',
    server: '203.0.113.2',
    own: '203.0.113.3',
    vip: '203.0.113.80',
    url: '203.0.113.80',
    lan: '203.0.113.0/24',
    everything: '0.0.0.0/0',
  },
  {
    family: 6,
    prefix: 64,
    host: 128,
    clients: ['2001:db8:51::7', '2001:db8:51::8', '2001:db8:51::9'],
    gateway: '2001:db8:51::1',
    outside: '2001:db8:51::/64',
    router: '2001:db8::1',
    server: '2001:db8::2',
    own: '2001:db8::3',
    vip: '2001:db8::80',
    url: '[2001:db8::80]',
    lan: '2001:db8::/64',
    everything: '::/0',
  },
] as const;

export interface Lan {
  readonly client: Namespace;
  readonly router: Namespace;
  readonly balancer: Namespace;
  /** Where the switch is. */
  readonly wire: Namespace;
}

/** Builds the network but for the server. */
export function buildLan(network: Network): Lan {
  const [client, router, wire, balancer] = ['client', 'router', 'switch', 'balancer'].map((role) =>
    network.namespace(role),
  ) as [Namespace, Namespace, Namespace, Namespace];
  const ends = (addresses: readonly string[], { prefix }: (typeof lanFamilies)[number]) =>
    addresses.map((address) => `${address}/${prefix}`);
  network.cable(
    { namespace: client, device: 'eth0', addresses: lanFamilies.flatMap((each) => ends(each.clients, each)) },
    {
      namespace: router,
      device: 'outer',
      addresses: lanFamilies.flatMap((each) => ends([each.gateway], each)),
    },
  );
  wire.ip('link', 'add', 'switch', 'type', 'bridge');
  wire.ip('link', 'set', 'switch', 'up');
  const routers = lanFamilies.flatMap((each) => ends([each.router], each));
  plugIn(network, wire, { namespace: router, device: 'lan', addresses: routers });
  plugIn(network, wire, { namespace: balancer, device: 'lan' });
  // The way is narrow, not the router's end of it: that would drop the client's long frames without a word.
  for (const { family, outside } of lanFamilies) {
    router.ip(`-${family}`, 'route', 'replace', outside, 'dev', 'outer', 'mtu', String(WAY_TO_CLIENT));
  }
  router.sysctl({
    'net/ipv4/ip_forward': 1,
    'net/ipv6/conf/all/forwarding': 1,
    'net/ipv4/conf/all/send_redirects': 0,
    'net/ipv4/conf/lan/send_redirects': 0,
  });
  for (const { everything, gateway } of lanFamilies) client.route(everything, { via: gateway });
  return { client, router, balancer, wire };
}

/** Lays a cable to the switch. */
export function plugIn(network: Network, wire: Namespace, end: CableEnd): void {
  const { role } = end.namespace;
  network.cable(end, { namespace: wire, device: role });
  addPort(wire, role);
}

/** Makes a device one of the switch's ports. */
export function addPort(wire: Namespace, device: string): void {
  wire.ip('link', 'set', device, 'master', 'switch', 'up');
}

/** A forwarding mode; of TUN there are two, as the outer header is of the inner one's family or of the other. */
export type LanMode = 'nat' | 'dr' | 'tun' | 'tun-crossed';

export function isTunnel(mode: LanMode): boolean {
  return mode === 'tun' || mode === 'tun-crossed';
}

/** One service for each family and port, each going to the same port of the server. */
export function lanConfig(mode: LanMode, ports: readonly number[]): BalancerConfig {
  const own = lanFamilies.map((each) => each.own);
  return {
    links: [{ name: 'lan', addresses: isTunnel(mode) ? [] : own }],
    routes: lanFamilies.flatMap(({ lan, server, host, everything, router }) => [
      { to: lan, link: 'lan' },
      { to: `${server}/${host}`, link: 'lan', mtu: WAY_TO_SERVER },
      { to: everything, link: 'lan', via: router },
    ]),
    services: ports.flatMap((port) =>
      lanFamilies.map(({ vip }, i) => ({
        address: vip,
        port,
        mode: mode === 'tun-crossed' ? ('tun' as const) : mode,
        scheduler: 'rr' as const,
        ...(isTunnel(mode) && { localAddresses: own }),
        realServers: [{ address: lanFamilies[mode === 'tun-crossed' ? 1 - i : i]!.server, port }],
      })),
    ),
  };
}
