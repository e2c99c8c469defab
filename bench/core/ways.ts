import type { Way } from './scenario.js';

/** The ways that packets go, each measured by itself. */
export const WAYS = {
  fullnat: { what: 'FULLNAT, IPv4', family: 4, way: 'fullnat', sizes: [16, 4096, 65_536] },
  fullnat6: { what: 'FULLNAT, IPv6', family: 6, way: 'fullnat', sizes: [16, 4096, 65_536] },
  nat64: { what: 'FULLNAT, IPv6 to IPv4', family: 6, way: 'nat64', sizes: [4096] },
  nat: { what: 'NAT, IPv4', family: 4, way: 'nat', sizes: [4096] },
  nat6: { what: 'NAT, IPv6', family: 6, way: 'nat', sizes: [4096] },
  dr: { what: 'DR, IPv4', family: 4, way: 'dr', sizes: [4096] },
  dr6: { what: 'DR, IPv6', family: 6, way: 'dr', sizes: [4096] },
  tun: { what: 'TUN, IPv4 in IPv4', family: 4, way: 'tun', sizes: [4096] },
  tun6: { what: 'TUN, IPv6 in IPv6', family: 6, way: 'tun', sizes: [4096] },
} as const satisfies Record<string, { what: string; family: 4 | 6; way: Way; sizes: readonly number[] }>;

export type WayName = keyof typeof WAYS;

export const WAY_NAMES = Object.keys(WAYS) as readonly WayName[];

export function isWayName(name: string): name is WayName {
  return Object.hasOwn(WAYS, name);
}
