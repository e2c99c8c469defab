import { addressWords, parseAddress, parseCidr } from '../net/address.js';
import type { RouteConfig } from './config/model.js';
import { MAPPED_WORD } from './parse.js';

/** A way out: to `via`, or to the destination itself where the route is on-link. */
export interface Route {
  readonly network: Int32Array;
  readonly mask: Int32Array;
  readonly ipv4: boolean;
  /** Prefix length counted in the mapped form: an IPv4 /24 is 120. */
  readonly prefix: number;
  readonly link: number;
  readonly via: Int32Array | undefined;
  /** The address that ARP and ND requests on this route come from. */
  readonly source: Int32Array;
  /** The largest IP packet on this route, or 0 for the link's, which it is never above. */
  readonly mtu: number;
}

/**
 * The balancer's own routes: longest prefix first, and among equals the first given. Looked up once for each new
 * connection and side; a linear search through what is a handful of routes on any balancer.
 */
export class Routes {
  readonly #routes: Route[];

  /**
   * @param own VIPs and local addresses, from which a route without `source` gets one: the first in the network that
   * its next hop is a neighbor in (to a stranger a gateway with reverse path filtering gives no answer), else the
   * first of its family, else the unspecified address (an ARP probe, RFC 5227, which is still answered)
   */
  constructor(
    routes: readonly RouteConfig[],
    linkIndex: ReadonlyMap<string, number>,
    own: readonly Int32Array[],
  ) {
    const all = routes.map((route) => toRoute(route, linkIndex));
    const sources = routes.map((route, i) =>
      route.source === undefined ? sourceOf(all[i]!, all, own) : wordsOf(route.source),
    );
    this.#routes = all
      .map((route, i) => ({ ...route, source: sources[i]! }))
      .sort((a, b) => b.prefix - a.prefix);
  }

  /** The route to an address (four words), or undefined. */
  find(word0: number, word1: number, word2: number, word3: number): Route | undefined {
    const ipv4 = word2 === MAPPED_WORD && word1 === 0 && word0 === 0;
    for (let i = 0; i < this.#routes.length; i++) {
      const route = this.#routes[i]!;
      const { network, mask } = route;
      if (
        route.ipv4 === ipv4 &&
        (word3 & mask[3]!) === network[3] &&
        (word2 & mask[2]!) === network[2] &&
        (word1 & mask[1]!) === network[1] &&
        (word0 & mask[0]!) === network[0]
      ) {
        return route;
      }
    }
    return undefined;
  }

  /** The routes that lead over a gateway, whatever the destination. */
  throughGateways(): Route[] {
    return this.#routes.filter((route) => route.via !== undefined);
  }

  /** The links whose on-link routes contain the address. */
  onLink(address: Int32Array): number[] {
    const links = this.#routes
      .filter(
        (route) => route.via === undefined && route.ipv4 === isIpv4(address) && contains(route, address),
      )
      .map((route) => route.link);
    return [...new Set(links)];
  }
}

function contains(route: Pick<Route, 'network' | 'mask'>, address: Int32Array): boolean {
  return address.every((word, i) => (word & route.mask[i]!) === route.network[i]);
}

function toRoute(route: RouteConfig, linkIndex: ReadonlyMap<string, number>): Omit<Route, 'source'> {
  const cidr = parseCidr(route.to)!;
  const prefix = cidr.family === 4 ? cidr.prefix + 96 : cidr.prefix;
  return {
    network: addressWords(cidr.bytes, cidr.family),
    mask: maskOf(prefix),
    // Without this an IPv6 default route would swallow IPv4 addresses, whose mapped form it contains.
    ipv4: cidr.family === 4,
    prefix,
    link: linkIndex.get(route.link)!,
    via: route.via === undefined ? undefined : wordsOf(route.via),
    mtu: route.mtu ?? 0,
  };
}

/** The own address that requests for a route's next hop come from. */
function sourceOf(
  route: Omit<Route, 'source'>,
  all: readonly Omit<Route, 'source'>[],
  own: readonly Int32Array[],
): Int32Array {
  const { via, link, ipv4 } = route;
  const near =
    via === undefined
      ? route
      : (all.find(
          (other) =>
            other.via === undefined && other.link === link && other.ipv4 === ipv4 && contains(other, via),
        ) ?? route);
  const candidates = own.filter((words) => isIpv4(words) === ipv4);
  return (
    candidates.find((words) => contains(near, words)) ??
    candidates[0] ??
    (ipv4 ? Int32Array.of(0, 0, MAPPED_WORD, 0) : new Int32Array(4))
  );
}

/** An address of the configuration, which was validated, as four words. */
export function wordsOf(text: string): Int32Array {
  const address = parseAddress(text)!;
  return addressWords(address.bytes, address.family);
}

/** Whether the four words are an IPv4 address. */
export function isIpv4(words: Int32Array): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === MAPPED_WORD;
}

function maskOf(prefix: number): Int32Array {
  return Int32Array.from({ length: 4 }, (_, i) => {
    const bits = Math.min(32, Math.max(0, prefix - 32 * i));
    return bits === 0 ? 0 : -1 << (32 - bits);
  });
}
