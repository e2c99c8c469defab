/**
 * The network that balancer tests stand in, once for each family:
 *
 *     client ── gateway ──(link 0, outside)── balancer ──(link 1, inside)── real servers
 *
 * Clients are behind a gateway; real servers and the gateway are neighbors of the balancer.
 */
import { type BalancerConfig, type ResolvedConfig, validateConfig } from '../../lib/balancer/config/index.js';
import type { ForwardingMode } from '../../lib/balancer/config/model.js';
import { mac } from './wire.js';

export const OUTSIDE = 0;
export const INSIDE = 1;

type Service = BalancerConfig['services'][number];
type Writable<T> = { -readonly [K in keyof T]?: T[K] };

/** The addresses of one family. */
export interface Topology {
  readonly family: 4 | 6;
  readonly vip: string;
  readonly port: number;
  readonly gateway: string;
  /** A client that is the gateway's neighbor, not ours, and others beside it: `client(1)`, `client(2)`. */
  readonly client: (n: number) => string;
  readonly localAddresses: readonly string[];
  readonly realServers: readonly string[];
  readonly serverPort: number;
  readonly outsideNetwork: string;
  readonly insideNetwork: string;
  readonly everything: string;
  /** What the option takes in a TCP header. */
  readonly toaLength: number;
  /** IP header bytes. */
  readonly ipHeader: number;
}

export const MACS = {
  balancer: ['02:00:00:00:00:b0', '02:00:00:00:00:b1'],
  gateway: '02:00:00:00:01:01',
  /** Of the n-th real server. */
  server: (n: number) => `02:00:00:00:02:${(n + 0x11).toString(16)}`,
} as const;

export const IPV4: Topology = {
  family: 4,
  vip: '198.51.100.10',
  port: 80,
  gateway: '198.51.100.1',
  client: (n) => `203.0.113.${n}`,
  localAddresses: ['10.0.0.2'],
  realServers: ['10.0.0.17', '10.0.0.18'],
  serverPort: 8080,
  outsideNetwork: '198.51.100.0/24',
  insideNetwork: '10.0.0.0/24',
  everything: '0.0.0.0/0',
  toaLength: 8,
  ipHeader: 20,
};

export const IPV6: Topology = {
  family: 6,
  vip: '2001:db8:100::10',
  port: 80,
  gateway: '2001:db8:100::1',
  client: (n) => `2001:db8:7::${n.toString(16)}`,
  localAddresses: ['fd00::2'],
  realServers: ['fd00::11', 'fd00::12'],
  serverPort: 8080,
  outsideNetwork: '2001:db8:100::/64',
  insideNetwork: 'fd00::/64',
  everything: '::/0',
  toaLength: 20,
  ipHeader: 40,
};

export const TOPOLOGIES = [IPV4, IPV6] as const;

/** IPv6 clients, IPv4 real servers. */
export const NAT64: Topology = {
  ...IPV6,
  localAddresses: IPV4.localAddresses,
  realServers: IPV4.realServers,
  insideNetwork: IPV4.insideNetwork,
};

/** IPv4 clients, real servers that are reached over IPv6: for TUN alone. */
export const TUNNEL_4_IN_6: Topology = {
  ...IPV4,
  localAddresses: IPV6.localAddresses,
  realServers: IPV6.realServers,
  insideNetwork: IPV6.insideNetwork,
};

/** The other way round it is NAT64's. */
export const TUNNEL_6_IN_4 = NAT64;

/** Whether real servers answer past the balancer. */
export function isOneWay(mode: ForwardingMode): boolean {
  return mode === 'dr' || mode === 'tun';
}

/** What a test wants otherwise than `configuration` has it. */
export interface Wishes {
  /** Fields of the service. */
  readonly service?: Writable<Service>;
  /** Fields of a second service beside it, otherwise the same. */
  readonly second?: Writable<Service>;
  /** Or all services, each at another port, otherwise as usual in its mode. */
  readonly services?: readonly Writable<Service>[];
  readonly settings?: BalancerConfig['settings'];
  readonly routes?: BalancerConfig['routes'];
  /** Default: outside and inside, without addresses. */
  readonly links?: BalancerConfig['links'];
}

/** A configuration for one topology: one service at its VIP, validated and complete. */
export function configuration(topology: Topology, wishes: Wishes = {}): ResolvedConfig {
  const { second, settings = {}, routes = defaultRoutes(topology) } = wishes;
  const usual = (service: Writable<Service> | undefined): Service => ({
    address: topology.vip,
    port: topology.port,
    scheduler: 'rr',
    ...fieldsOf(topology, service?.mode ?? 'fullnat'),
    ...service,
  });
  const first = usual(wishes.service);
  const services = second === undefined ? [first] : [first, { ...first, ...second }];
  const validated = validateConfig({
    links: wishes.links ?? [{ name: 'outside' }, { name: 'inside' }],
    routes,
    services: wishes.services?.map(usual) ?? services,
    // Room for a test's connections: the default's megabytes for every rig are most of a test's time.
    settings: { maxConnections: 2048, ...settings },
  });
  if ('faults' in validated) throw new Error(JSON.stringify(validated.faults));
  return validated.config;
}

/** What a service of a mode needs. */
function fieldsOf(topology: Topology, mode: ForwardingMode) {
  const port = isOneWay(mode) ? {} : { port: topology.serverPort };
  return {
    mode,
    ...((mode === 'fullnat' || mode === 'tun') && { localAddresses: topology.localAddresses }),
    realServers: topology.realServers.map((address) => ({ address, ...port })),
  };
}

function defaultRoutes(topology: Topology): NonNullable<BalancerConfig['routes']> {
  return [
    { to: topology.outsideNetwork, link: 'outside' },
    { to: topology.insideNetwork, link: 'inside' },
    { to: topology.everything, link: 'outside', via: topology.gateway },
  ];
}

/** The balancer's two links. */
export function links(mtus: readonly [number, number] = [1500, 1500]): { mac: Uint8Array; mtu: number }[] {
  return mtus.map((mtu, i) => ({ mac: mac(MACS.balancer[i]!), mtu }));
}
