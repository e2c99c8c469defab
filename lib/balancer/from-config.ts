/** What follows from a configuration alone, and is made anew with it. */
import { AddressTable } from './address-table.js';
import { wordsOf } from './address-words.js';
import type { ResolvedConfig } from './config/model.js';
import type { KeyedHash } from './connection/keyed-hash.js';
import type { LinkPort } from './link-port.js';
import { Network } from './network.js';
import { OwnAddresses } from './own-addresses.js';
import { Routes } from './routes.js';

/** Real servers whose answers come with the client's address as their destination. */
export function natServersOf({ services }: ResolvedConfig, hash: KeyedHash): AddressTable {
  const servers = services.filter(({ mode }) => mode === 'nat').flatMap(({ realServers }) => realServers);
  const table = new AddressTable(hash, servers.length);
  for (const { address } of servers) {
    const [word0, word1, word2, word3] = wordsOf(address) as unknown as [number, number, number, number];
    table.set(word0, word1, word2, word3, 0, 0);
  }
  return table;
}

/** The routes, and what requests for neighbors may come from. */
export function routesOf({ links, routes, services }: ResolvedConfig, ports: readonly LinkPort[]): Routes {
  const locals = services.flatMap(({ localAddresses }) => localAddresses);
  // Real servers that have the VIP themselves would not answer what seems to come from it.
  const translated = services.filter(({ mode }) => mode !== 'dr' && mode !== 'tun');
  const vips = translated.flatMap(({ address }) => address.filter((text) => !text.includes('/')));
  const ofLinks = links.flatMap(({ addresses }) => addresses);
  const own = [...ofLinks, ...locals, ...vips].map(wordsOf);
  const indexes = new Map(links.map(({ name }, index) => [name, index]));
  const linkLocals = ports.map(({ linkLocal }) => linkLocal);
  return new Routes(routes, indexes, own, linkLocals);
}

/** @param former VIPs and local addresses that only connections have still */
export function ownAddressesOf(
  { links, services }: ResolvedConfig,
  former: readonly Int32Array[],
  ports: readonly LinkPort[],
  routes: Routes,
  hash: KeyedHash,
): OwnAddresses {
  const texts = services.flatMap(({ address, localAddresses }) => [...address, ...localAddresses]);
  const ofLinks = links.flatMap(({ addresses }, link) =>
    addresses.map((text) => ({ link, address: wordsOf(text) })),
  );
  const networks = texts.map((text) => new Network(text));
  return new OwnAddresses({ networks, former, ofLinks }, ports, routes, hash);
}
