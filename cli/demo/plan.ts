import type { BalancerConfig, ServiceConfig } from '../../lib/balancer/config/index.js';

/** The two ports of the VIP: behind one a server that knows toakit, behind the other the same server without it. */
export const ports = { recovered: 80, plain: 81 } as const;

/** Who has which address in the demo; documentation addresses, in namespaces of their own. */
export const plan = [
  {
    family: 4,
    clients: ['203.0.113.7', '203.0.113.8', '203.0.113.9'],
    clientPrefix: 24,
    vip: '203.0.113.80',
    local: '10.0.0.1',
    server: '10.0.0.2',
    serverPrefix: 24,
    routes: { clients: '203.0.113.0/24', servers: '10.0.0.0/24' },
  },
  {
    family: 6,
    clients: ['2001:db8::7', '2001:db8::8', '2001:db8::9'],
    clientPrefix: 64,
    vip: '2001:db8::80',
    local: 'fd00::1',
    server: 'fd00::2',
    serverPrefix: 64,
    routes: { clients: '2001:db8::/64', servers: 'fd00::/64' },
  },
] as const;

export type PlannedFamily = (typeof plan)[number];

/** The balancer's configuration: a service per family and port, the option on the SYN too, where the saved SYN has it. */
export const config: BalancerConfig = {
  links: [{ name: 'clients' }, { name: 'servers' }],
  routes: plan.flatMap(({ routes }) => [
    { to: routes.clients, link: 'clients' },
    { to: routes.servers, link: 'servers' },
  ]),
  services: plan.flatMap((family) => Object.values(ports).map((port) => service(family, port))),
};

function service({ vip, local, server }: PlannedFamily, port: number): ServiceConfig {
  return {
    address: vip,
    port,
    mode: 'fullnat',
    scheduler: 'rr',
    localAddresses: [local],
    toa: { on: ['syn', 'ack'] },
    realServers: [{ address: server, port: port + 8000 }],
  };
}

export const picture = `
  clients                balancer (toa lb run)                server
 ┌─────────────────┐    ┌──────────────────────────┐    ┌─────────────────────┐
 │ 203.0.113.7 8 9 │    │ VIP 203.0.113.80         │    │ 10.0.0.2, fd00::2   │
 │                 ├────┤     2001:db8::80         ├────┤ :8080 Node + toakit │
 │ 2001:db8::7 8 9 │    │ local 10.0.0.1, fd00::1  │    │ :8081 Node          │
 └─────────────────┘    └──────────────────────────┘    └─────────────────────┘
   203.0.113.7:51514 ────▶ 10.0.0.1:5000 + TCP option fe 08 c9 3a cb 00 71 07`;
