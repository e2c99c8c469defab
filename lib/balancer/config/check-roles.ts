import { Blocks } from './blocks.js';
import type { Faults } from './faults.js';
import type { Placed } from './read.js';
import type { LinkDraft, ServiceDraft } from './shape.js';

/** The sound local addresses of a service. */
export function localAddressesOf(service: ServiceDraft, path: string): Placed<string>[] {
  return (service.localAddresses ?? []).flatMap((address, index) =>
    address === undefined ? [] : [{ value: address, path: `${path}.localAddresses[${index}]` }],
  );
}

/** The sound addresses of a service's real servers. */
export function serverAddressesOf(service: ServiceDraft, path: string): Placed<string>[] {
  return (service.realServers ?? []).flatMap((server, index) =>
    server?.address === undefined
      ? []
      : [{ value: server.address, path: `${path}.realServers[${index}].address` }],
  );
}

/** The sound addresses of links. */
function linkAddressesOf(links: readonly (LinkDraft | undefined)[]): Placed<string>[] {
  return links.flatMap((link, at) =>
    (link?.addresses ?? []).flatMap((address, index) =>
      address === undefined ? [] : [{ value: address, path: `links[${at}].addresses[${index}]` }],
    ),
  );
}

/** An address is a VIP, a local address, a link's or a real server's: the destination alone tells what a packet is. */
export function refuseSharedRoles(
  services: readonly (ServiceDraft | undefined)[],
  links: readonly (LinkDraft | undefined)[],
  faults: Faults,
): void {
  const ofLinks = linkAddressesOf(links);
  const first = new Map<string, string>();
  for (const { value, path } of ofLinks) {
    const earlier = first.get(value);
    if (earlier === undefined) first.set(value, path);
    else faults.add(path, value, `another than ${earlier} has`);
  }
  const each = services.flatMap((service, index) =>
    service ? [{ service, path: `services[${index}]` }] : [],
  );
  const vips = new Blocks<string>();
  const known = new Set<string>();
  for (const { value, path } of each.flatMap(({ service }) => service.address ?? [])) {
    if (!known.has(value)) vips.add(value, path);
    known.add(value);
  }
  const servers = new Map(
    each.flatMap(({ service, path }) => serverAddressesOf(service, path)).map((at) => [at.value, at.path]),
  );
  const locals = new Map<string, string>();
  for (const { service, path } of each) {
    for (const address of localAddressesOf(service, path)) {
      locals.set(address.value, address.path);
      refuseVip(address, vips, faults);
      refuseServer(address, servers, faults);
    }
    for (const address of serverAddressesOf(service, path)) refuseVip(address, vips, faults);
  }
  for (const address of ofLinks) {
    refuseVip(address, vips, faults);
    refuseServer(address, servers, faults);
    const local = locals.get(address.value);
    if (local === undefined) continue;
    faults.add(address.path, address.value, `an address that is not a local address, as ${local} is`);
  }
}

function refuseServer(
  { value, path }: Placed<string>,
  servers: ReadonlyMap<string, string>,
  faults: Faults,
): void {
  const server = servers.get(value);
  if (server !== undefined)
    faults.add(path, value, `an address that is not a real server's, as ${server} is`);
}

function refuseVip({ value, path }: Placed<string>, vips: Blocks<string>, faults: Faults): void {
  const [vip] = vips.around(value);
  if (vip !== undefined) faults.add(path, value, `an address that is not a VIP, as ${vip} is`);
}
