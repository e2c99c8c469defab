// The network of the end-to-end tests, real kernels on both sides:
//
//   client                     balancer                             server
//   eth0 203.0.113.7, .8, .9 ─── clients          servers ─── eth0 10.0.0.2
//        2001:db8::7, ::8, ::9                                     fd00::2
//
// The balancer's namespace has no addresses. VIPs 203.0.113.80 and 2001:db8::80, local addresses 10.0.0.1 and fd00::1.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { Network } from '../../cli/namespaces/network.js';
import type { Finished, RunningProcess } from '../../cli/namespaces/process.js';
import type { BalancerConfig, ServiceConfig, SynProxyConfig } from '../../lib/balancer/config/index.js';
import { main } from '../cli/toa.js';
import { program } from './program.js';

/** The two families that every test goes through. */
export const families = [
  {
    family: 4,
    client: '203.0.113.7',
    vip: '203.0.113.80',
    url: '203.0.113.80',
    local: '10.0.0.1',
    server: '10.0.0.2',
  },
  {
    family: 6,
    client: '2001:db8::7',
    vip: '2001:db8::80',
    url: '[2001:db8::80]',
    local: 'fd00::1',
    server: 'fd00::2',
  },
] as const;

/** How long a program may take to start, in ms: on an emulated processor some ten seconds, on a slow machine's ten times that. */
const STARTING = 240_000;

export const locals = families.map(({ local }) => local);

export interface Testbed {
  client: Namespace;
  balancer: Namespace;
  server: Namespace;
}

export function buildTestbed(network: Network): Testbed {
  const client = network.namespace('client');
  const balancer = network.namespace('balancer');
  const server = network.namespace('server');
  const clients = [7, 8, 9].flatMap((host) => [`203.0.113.${host}/24`, `2001:db8::${host}/64`]);
  network.cable(
    { namespace: client, device: 'eth0', addresses: clients },
    { namespace: balancer, device: 'clients' },
  );
  network.cable(
    { namespace: balancer, device: 'servers' },
    { namespace: server, device: 'eth0', addresses: ['10.0.0.2/24', 'fd00::2/64'] },
  );
  return { client, balancer, server };
}

/** Services for both families on the given ports, each going to the same port of the server. */
export function balancerConfig(ports: readonly number[], more: Partial<BalancerConfig> = {}): BalancerConfig {
  const service = (port: number, { vip, local, server }: (typeof families)[number]): ServiceConfig => ({
    address: vip,
    port,
    mode: 'fullnat',
    scheduler: 'rr',
    localAddresses: [local],
    toa: { on: ['syn', 'ack'] },
    realServers: [{ address: server, port }],
  });
  return {
    links: [{ name: 'clients' }, { name: 'servers' }],
    routes: [
      { to: '203.0.113.0/24', link: 'clients' },
      { to: '2001:db8::/64', link: 'clients' },
      { to: '10.0.0.0/24', link: 'servers' },
      { to: 'fd00::/64', link: 'servers' },
    ],
    services: ports.flatMap((port) => families.map((family) => service(port, family))),
    ...more,
  };
}

/** IPv6 clients of an IPv4 server. */
export function nat64Config(): BalancerConfig {
  return balancerConfig([], {
    services: [
      {
        address: '2001:db8::80',
        port: 80,
        mode: 'fullnat',
        scheduler: 'rr',
        localAddresses: ['10.0.0.1'],
        toa: { on: ['syn', 'ack'] },
        realServers: [{ address: '10.0.0.2', port: 80 }],
      },
    ],
  });
}

/** A configuration with SYN proxy for each service, and more. */
export function proxied(
  config: BalancerConfig,
  synProxy: SynProxyConfig = {},
  more: Partial<ServiceConfig> = {},
): BalancerConfig {
  return { ...config, services: config.services.map((service) => ({ ...service, synProxy, ...more })) };
}

/** Runs `toa lb run` in a namespace with a configuration, until it says that it is ready. */
export async function startBalancer(
  balancer: Namespace,
  config: BalancerConfig,
  ...options: string[]
): Promise<RunningProcess> {
  const args = [main, 'lb', 'run', '-c', '-', '--json', ...options];
  const running = balancer.start(process.execPath, args);
  running.stdin.end(JSON.stringify(config));
  await running.line(/^ready/, STARTING);
  return running;
}

/** Ends the balancer as an administrator does, and returns its last counters. */
export async function stopBalancer(running: RunningProcess): Promise<Record<string, number>> {
  const { code, stdout, stderr } = await running.stop('SIGTERM');
  assert.equal(code, 0, stderr);
  const last = stdout.toString().trimEnd().split('\n').at(-1) ?? '';
  return (JSON.parse(last) as { counters: Record<string, number> }).counters;
}

export type ServerKind = 'http' | 'https' | 'http2' | 'cluster';

/** Starts the test server; it trusts the peers named, and with none it runs without toakit. */
export async function startServer(
  server: Namespace,
  kind: ServerKind,
  port: number,
  trusted: readonly string[] = locals,
): Promise<RunningProcess> {
  const running = server.start(process.execPath, [program('server'), kind, String(port), ...trusted]);
  await running.line(/^listening/, STARTING);
  return running;
}

/** What the test server answers to GET /. */
export interface Answer {
  /** `socket.remoteAddress` and `remotePort`. */
  shown: string;
  /** By getClientAddress(), null without toakit. */
  client: string | null;
  source: string | null;
  via: string | null;
  peer: string | null;
  pid: number;
}

/** Runs curl in a namespace and insists that it succeeds. */
export async function curl(
  namespace: Namespace,
  args: readonly string[],
  input?: string | Uint8Array,
): Promise<Finished> {
  const finished = await namespace.run('curl', ['-sS', '-k', '-m', '30', ...args], input);
  assert.equal(finished.code, 0, `curl ${args.join(' ')}: ${finished.stderr}`);
  return finished;
}

/** GET over curl: the server's answer, and the endpoint that curl itself says it came from. */
export async function get(
  namespace: Namespace,
  url: string,
  ...options: string[]
): Promise<{ answer: Answer; own: string }> {
  const format = '\n%{local_ip} %{local_port}';
  const { stdout } = await curl(namespace, [...options, '-w', format, url]);
  const [answer = '', local = ''] = stdout.toString().split('\n');
  const [address = '', port = ''] = local.split(' ');
  return { answer: JSON.parse(answer) as Answer, own: endpoint(address, Number(port)) };
}

/** An endpoint as people write it; an IPv4 address that a socket of both families shows as ::ffff:a.b.c.d is a.b.c.d. */
export function endpoint(address: string, port: number): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}

/** Bytes that compress badly and repeat nowhere. */
export const noise = (length: number): Buffer => randomBytes(length);
