import type { Protocol, ResolvedConfig, ResolvedService } from '../balancer/config/index.js';
import { type PortRange, portRange } from '../balancer/config/ports.js';

/** Where real servers of NAT answer from: a protocol, an address and ports, no two ranges of which meet. */
export interface AnswerSource {
  readonly protocol: Protocol;
  readonly address: string;
  readonly ports: readonly PortRange[];
}

/** What the host has to leave to the balancer. */
export interface Shielded {
  /** What is sent to these addresses and CIDRs. */
  readonly addresses: readonly string[];
  /** What these send to clients, whom the host would take for others' and forward it to. */
  readonly answers: readonly AnswerSource[];
}

/** What a host that runs the balancer has to leave to it; for several configurations, what any of them has. */
export function shieldedBy(...configs: readonly ResolvedConfig[]): Shielded {
  const services = configs.flatMap((config) => config.services);
  const ofLinks = configs.flatMap(({ links }) => links.flatMap(({ addresses }) => addresses));
  const ofServices = services.flatMap(({ address, localAddresses }) => [...address, ...localAddresses]);
  return {
    addresses: [...new Set([...ofLinks, ...ofServices])],
    answers: answersOf(services.filter(({ mode }) => mode === 'nat')),
  };
}

function answersOf(services: readonly ResolvedService[]): AnswerSource[] {
  const sources = new Map<string, AnswerSource>();
  for (const { protocol, port: ports, realServers } of services) {
    for (const { address, port } of realServers) {
      const key = `${protocol} ${address}`;
      const more = (port === undefined ? ports : [port]).map(portRange);
      const known = sources.get(key)?.ports ?? [];
      sources.set(key, { protocol, address, ports: mergeRanges([...known, ...more]) });
    }
  }
  return [...sources.values()];
}

function mergeRanges(ranges: readonly PortRange[]): PortRange[] {
  const merged: PortRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    if (before === undefined || range.first > before.last) merged.push(range);
    else merged[merged.length - 1] = { first: before.first, last: Math.max(before.last, range.last) };
  }
  return merged;
}
