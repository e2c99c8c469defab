import { isIpv4, MAPPED_WORD, wordsOf } from './address-words.js';
import type { RouteConfig } from './config/model.js';
import { Network } from './network.js';

/** A way out: to `via`, or to the destination itself where the route is on-link. */
export interface Route {
  readonly network: Network;
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
  /** Equal texts are equal routes. */
  readonly text: string;

  /**
   * @param own the addresses from which a route without `source` gets one: the first in the network that its next hop
   * is a neighbor in (to a stranger a gateway with reverse path filtering gives no answer), else the first of its
   * family; else for IPv6 the link's link-local one, for IPv4 none (an ARP probe, RFC 5227, which is answered still)
   * @param linkLocals by link
   */
  constructor(
    routes: readonly RouteConfig[],
    linkIndex: ReadonlyMap<string, number>,
    own: readonly Int32Array[],
    linkLocals: readonly Int32Array[],
  ) {
    const all = routes.map((route) => toRoute(route, linkIndex));
    const sources = routes.map((route, i) =>
      route.source === undefined ? sourceOf(all[i]!, all, own, linkLocals) : wordsOf(route.source),
    );
    this.#routes = all
      .map((route, i) => ({ ...route, source: sources[i]! }))
      .sort((a, b) => b.network.prefix - a.network.prefix);
    this.text = JSON.stringify(this.#routes);
  }

  /** The route to an address (four words), or undefined. */
  find(word0: number, word1: number, word2: number, word3: number): Route | undefined {
    for (let i = 0; i < this.#routes.length; i++) {
      const route = this.#routes[i]!;
      if (route.network.contains(word0, word1, word2, word3)) return route;
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
      .filter((route) => route.via === undefined && contains(route.network, address))
      .map((route) => route.link);
    return [...new Set(links)];
  }
}

function contains(network: Network, words: Int32Array): boolean {
  return network.contains(words[0]!, words[1]!, words[2]!, words[3]!);
}

function toRoute(route: RouteConfig, linkIndex: ReadonlyMap<string, number>): Omit<Route, 'source'> {
  return {
    network: new Network(route.to),
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
  linkLocals: readonly Int32Array[],
): Int32Array {
  const { via, link, network } = route;
  const isNear = (other: Omit<Route, 'source'>): boolean =>
    via !== undefined && other.via === undefined && other.link === link && contains(other.network, via);
  const near = via === undefined ? route : (all.find(isNear) ?? route);
  const candidates = own.filter((words) => isIpv4(words) === network.ipv4);
  return (
    candidates.find((words) => contains(near.network, words)) ??
    candidates[0] ??
    (network.ipv4 ? Int32Array.of(0, 0, MAPPED_WORD, 0) : linkLocals[link]!)
  );
}
