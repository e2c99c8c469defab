import type { LinkConfig, RouteConfig } from '../balancer/config/index.js';
import { type Family, formatAddress, parseCidr } from '../net/address.js';
import { runCommand } from './command.js';

/** What `ip -j route` says about one route, as far as it matters here. */
export interface KernelRoute {
  readonly dst: string;
  readonly type?: string;
  readonly gateway?: string;
  readonly dev?: string;
  /** The address the host itself would send from. */
  readonly prefsrc?: string;
  readonly metric?: number;
  readonly metrics?: readonly { readonly mtu?: number }[];
  readonly flags?: readonly string[];
  /** A next hop of the other address family (RFC 5549). */
  readonly via?: unknown;
  readonly nexthops?: readonly Pick<KernelRoute, 'gateway' | 'dev' | 'flags'>[];
}

/** The kernel's main routing table, as far as it leads over the interfaces of our links, in the balancer's form. */
export function importRoutes(links: readonly LinkConfig[]): RouteConfig[] {
  return ([4, 6] as const).flatMap((family) => {
    const output = runCommand('ip', ['-j', `-${family}`, 'route', 'show', 'table', 'main']);
    return convertRoutes(JSON.parse(output || '[]') as KernelRoute[], family, links);
  });
}

/**
 * Converts what `ip -j -4 route` or `ip -j -6 route` printed. Of several routes to the same destination the one with
 * the lowest metric stays, of several next hops the first that works. The preferred source is left out: it is an
 * address of the host, not of the balancer.
 */
export function convertRoutes(
  kernel: readonly KernelRoute[],
  family: Family,
  links: readonly LinkConfig[],
): RouteConfig[] {
  const best = new Map<string, { metric: number; route: RouteConfig }>();
  for (const entry of kernel) {
    const to = entry.dst === 'default' ? (family === 4 ? '0.0.0.0/0' : '::/0') : withPrefix(entry.dst);
    const usable = (entry.type ?? 'unicast') === 'unicast' && entry.via === undefined && !isLinkLocal(to);
    const hop = usable
      ? (entry.nexthops ?? [entry]).find(
          ({ dev, flags }) => linkOf(dev, links) !== undefined && !isDown(flags),
        )
      : undefined;
    const link = linkOf(hop?.dev, links);
    const metric = entry.metric ?? 0;
    if (hop === undefined || link === undefined || (best.get(to)?.metric ?? Infinity) <= metric) continue;
    const mtu = entry.metrics?.find((each) => each.mtu !== undefined)?.mtu;
    best.set(to, {
      metric,
      route: {
        to,
        link: link.name,
        ...(hop.gateway === undefined ? {} : { via: hop.gateway }),
        ...(mtu === undefined ? {} : { mtu }),
      },
    });
  }
  return [...best.values()].map(({ route }) => route);
}

/** Adds imported routes to configured ones; where both know a destination, a person's word counts. */
export function mergeRoutes(
  configured: readonly RouteConfig[],
  imported: readonly RouteConfig[],
): RouteConfig[] {
  const known = new Set(configured.map(({ to }) => canonical(to)));
  return [...configured, ...imported.filter(({ to }) => !known.has(canonical(to)))];
}

const withPrefix = (destination: string) =>
  destination.includes('/') ? destination : `${destination}/${destination.includes(':') ? 128 : 32}`;

// Every interface has fe80::/64, so as a route it says nothing.
const isLinkLocal = (to: string) => /^fe[89ab]/i.test(to);

const isDown = (flags: readonly string[] = []) => flags.includes('dead') || flags.includes('linkdown');

const linkOf = (device: string | undefined, links: readonly LinkConfig[]) =>
  links.find((link) => (link.interface ?? link.name) === device);

function canonical(to: string): string {
  const cidr = parseCidr(to);
  return cidr === undefined ? to : `${formatAddress(cidr.bytes, 0, cidr.family)}/${cidr.prefix}`;
}
