import { Blocks } from './blocks.js';
import type { Faults } from './faults.js';
import type { Placed } from './read.js';
import type { ServiceDraft } from './shape.js';

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

/** An address is a VIP, a local address or a real server's: the destination alone tells what a packet is. */
export function refuseSharedRoles(services: readonly (ServiceDraft | undefined)[], faults: Faults): void {
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
  for (const { service, path } of each) {
    for (const address of localAddressesOf(service, path)) {
      refuseVip(address, vips, faults);
      const server = servers.get(address.value);
      if (server === undefined) continue;
      faults.add(address.path, address.value, `an address that is not a real server's, as ${server} is`);
    }
    for (const address of serverAddressesOf(service, path)) refuseVip(address, vips, faults);
  }
}

function refuseVip({ value, path }: Placed<string>, vips: Blocks<string>, faults: Faults): void {
  const [vip] = vips.around(value);
  if (vip !== undefined) faults.add(path, value, `an address that is not a VIP, as ${vip} is`);
}
