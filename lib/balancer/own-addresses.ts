import { ARP_REQUEST, writeArp } from '../net/arp.js';
import { AddressTable } from './address-table.js';
import { isIpv4 } from './address-words.js';
import type { KeyedHash } from './connection/keyed-hash.js';
import type { Emitted } from './emitted.js';
import type { LinkPort } from './link-port.js';
import {
  NEIGHBOR_FRAME_MAX,
  writeMulticastReport,
  writeUnsolicitedAdvertisement,
} from './neighbor-discovery.js';
import { ALL_BITS, type Network } from './network.js';
import type { Routes } from './routes.js';

/** Buffers that announcements leave free for everything else. */
const ANNOUNCE_RESERVE = 128;

interface OwnNetwork {
  readonly network: Network;
  readonly links: readonly number[];
}

/** Where the balancer's addresses come from. */
export interface AddressSources {
  /** VIPs and local addresses. */
  readonly networks: readonly Network[];
  /** VIPs and local addresses that only connections have still. */
  readonly former: readonly Int32Array[];
  readonly ofLinks: readonly { readonly link: number; readonly address: Int32Array }[];
}

/**
 * The addresses that are the balancer's. VIPs and local addresses are answered for on the links whose on-link routes
 * contain them; one that none contains (a VIP that routers send here) on all; a link's own addresses on that link.
 */
export class OwnAddresses {
  /** Tag 0: every one. Tag 1 + link: answered for on that link. */
  readonly #table: AddressTable;
  /** Networks all of whose addresses are VIPs; too many to announce each. */
  readonly #networks: OwnNetwork[] = [];
  readonly #places: { readonly address: Int32Array; readonly links: readonly number[] }[] = [];
  /** Links on which announcements are under way, and which place comes next. */
  readonly #announcing: { readonly link: LinkPort; next: number }[] = [];

  constructor(
    { networks, former, ofLinks }: AddressSources,
    links: readonly LinkPort[],
    routes: Routes,
    hash: KeyedHash,
  ) {
    this.#table = new AddressTable(hash);
    const linksOf = (address: Int32Array): readonly number[] => {
      const near = routes.onLink(address);
      return near.length > 0 ? near : links.map((link) => link.index);
    };
    for (const network of networks) {
      const answered = linksOf(network.words);
      if (network.prefix < ALL_BITS) this.#networks.push({ network, links: answered });
      else this.#add(network.words, answered);
    }
    for (const address of former) this.#add(address, linksOf(address));
    for (const { link, address } of ofLinks) this.#add(address, [link]);
    // Not announced: nobody but those whom we ask needs it.
    for (const { index, linkLocal } of links) this.#answer(linkLocal, [index]);
  }

  /** Equal texts are equal addresses, answered for on equal links. */
  get text(): string {
    return JSON.stringify([this.#networks, this.#places]);
  }

  has(word0: number, word1: number, word2: number, word3: number): boolean {
    if (this.#table.find(word0, word1, word2, word3, 0) !== -1) return true;
    return this.#networks.length > 0 && this.#networkOf(word0, word1, word2, word3) !== undefined;
  }

  /** Whether ARP and neighbor discovery on a link are answered for the address. */
  isAnswered(link: number, word0: number, word1: number, word2: number, word3: number): boolean {
    if (this.#table.find(word0, word1, word2, word3, 1 + link) !== -1) return true;
    return this.#networkOf(word0, word1, word2, word3)?.links.includes(link) ?? false;
  }

  /**
   * Tells every neighbor on a link which addresses are here now: gratuitous ARP (RFC 5944 4.6, as a request),
   * unsolicited neighbor advertisements, and the multicast groups that solicitations for them go to. What there are no
   * buffers for now is left to `continueAnnouncing`.
   */
  announce(link: LinkPort, emitted: Emitted): void {
    const underWay = this.#announcing.find((each) => each.link === link);
    if (underWay === undefined) this.#announcing.push({ link, next: 0 });
    else underWay.next = 0;
    this.continueAnnouncing(emitted);
  }

  /** Goes on with announcements while there are buffers. @returns whether some are left, for when `emitted` was drained */
  continueAnnouncing(emitted: Emitted): boolean {
    for (;;) {
      const [current] = this.#announcing;
      if (current === undefined) return false;
      while (current.next < this.#places.length) {
        if (emitted.available < ANNOUNCE_RESERVE) return true;
        const { address, links } = this.#places[current.next++]!;
        if (links.includes(current.link.index)) announceOn(current.link, address, emitted);
      }
      this.#announcing.shift();
    }
  }

  #networkOf(word0: number, word1: number, word2: number, word3: number): OwnNetwork | undefined {
    for (let i = 0; i < this.#networks.length; i++) {
      const each = this.#networks[i]!;
      if (each.network.contains(word0, word1, word2, word3)) return each;
    }
    return undefined;
  }

  #add(address: Int32Array, links: readonly number[]): void {
    const [word0, word1, word2, word3] = address as unknown as [number, number, number, number];
    if (this.#table.find(word0, word1, word2, word3, 0) !== -1) return;
    this.#answer(address, links);
    this.#places.push({ address, links });
  }

  #answer(address: Int32Array, links: readonly number[]): void {
    const [word0, word1, word2, word3] = address as unknown as [number, number, number, number];
    this.#table.set(word0, word1, word2, word3, 0, 1);
    for (const link of links) this.#table.set(word0, word1, word2, word3, 1 + link, 1);
  }
}

function announceOn(link: LinkPort, address: Int32Array, emitted: Emitted): void {
  const writers = isIpv4(address)
    ? [writeGratuitousArp]
    : [writeMulticastReport, writeUnsolicitedAdvertisement];
  for (const write of writers) {
    const frame = emitted.take(NEIGHBOR_FRAME_MAX);
    if (frame === undefined) return;
    frame.length = write(frame, link, address);
    emitted.send(frame, link.index);
  }
}

function writeGratuitousArp(
  frame: { view: DataView; start: number },
  link: LinkPort,
  address: Int32Array,
): number {
  const own = address[3]!;
  return writeArp(frame.view, frame.start, ARP_REQUEST, link.macHigh, link.macLow, own, 0, 0, own);
}
