import { AddressTable } from '../address-table.js';
import type { Protocol } from '../config/model.js';
import type { PortRange } from '../config/ports.js';
import type { KeyedHash } from '../connection/keyed-hash.js';
import { ALL_BITS, type Network } from '../network.js';

/** In a table's tag, above the port. */
const UDP_TAG = 1 << 16;

/** What a service listens on. */
export interface Listening {
  readonly index: number;
  readonly protocol: Protocol;
  readonly networks: readonly Network[];
  readonly ports: readonly PortRange[];
}

interface Pattern {
  readonly udp: boolean;
  readonly network: Network;
  readonly first: number;
  readonly last: number;
  readonly service: number;
}

/**
 * From a VIP, port and protocol to the service. A single address and port is found in a table; networks and ranges
 * are looked through, the most specific first: the longer prefix, then the smaller range. Made anew when the
 * configuration changes.
 */
export class ServiceTable {
  readonly #exact: AddressTable;
  readonly #patterns: readonly Pattern[];

  constructor(services: readonly Listening[], hash: KeyedHash) {
    this.#exact = new AddressTable(hash, services.length);
    const patterns: Pattern[] = [];
    for (const { index, protocol, networks, ports } of services) {
      const udp = protocol === 'udp';
      for (const network of networks) {
        for (const { first, last } of ports) {
          if (network.prefix < ALL_BITS || first < last) {
            patterns.push({ udp, network, first, last, service: index });
            continue;
          }
          const [word0, word1, word2, word3] = network.words as unknown as [number, number, number, number];
          this.#exact.set(word0, word1, word2, word3, first | (udp ? UDP_TAG : 0), index);
        }
      }
    }
    const width = ({ first, last }: Pattern): number => last - first;
    this.#patterns = patterns.sort((a, b) => b.network.prefix - a.network.prefix || width(a) - width(b));
  }

  /** The service's position, or -1. */
  find(word0: number, word1: number, word2: number, word3: number, port: number, udp: boolean): number {
    const exact = this.#exact.find(word0, word1, word2, word3, port | (udp ? UDP_TAG : 0));
    if (exact !== -1) return exact;
    for (let i = 0; i < this.#patterns.length; i++) {
      const { network, first, last, service, udp: isUdp } = this.#patterns[i]!;
      if (isUdp !== udp || port < first || last < port) continue;
      if (network.contains(word0, word1, word2, word3)) return service;
    }
    return -1;
  }
}
