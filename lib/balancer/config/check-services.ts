import { formatEndpoint } from '../../net/address.js';
import { formatById } from '../../toa/index.js';
import type { Faults } from './faults.js';
import type { ServiceDraft } from './shape.js';
import { familyOf, refuseRepeated } from './siblings.js';

/** What services must not do to each other and to themselves. */
export function checkServices(services: readonly (ServiceDraft | undefined)[], faults: Faults): void {
  refuseRepeated(services, (service) => service.name, 'services', 'name', faults);
  refuseRepeated(services, endpointOf, 'services', '', faults);
  for (const [index, service] of services.entries()) {
    if (service) checkService(service, `services[${index}]`, faults);
  }
  refuseSharedRoles(services, faults);
  refuseTooMany(services, faults);
}

function endpointOf({ address, port }: { address?: string; port?: number }): string | undefined {
  return address === undefined || port === undefined ? undefined : formatEndpoint(address, port);
}

function checkService(service: ServiceDraft, path: string, faults: Faults): void {
  refuseRepeated(service.localAddresses ?? [], (address) => address, `${path}.localAddresses`, '', faults);
  refuseRepeated(service.realServers ?? [], endpointOf, `${path}.realServers`, '', faults);
  refuseRepeated(service.toa?.on ?? [], (segment) => segment, `${path}.toa.on`, '', faults);
  if (service.address !== undefined) checkFamilies(service, service.address, path, faults);
  checkFormat(service, `${path}.toa.format`, faults);
}

/** FULLNAT stays within one family. */
function checkFamilies(service: ServiceDraft, vip: string, path: string, faults: Faults): void {
  const family = familyOf(vip);
  for (const { address, at } of [...localAddressesOf(service, path), ...realServersOf(service, path)]) {
    if (familyOf(address) !== family)
      faults.add(at, address, `an IPv${family} address, as the service's is ${vip}`);
  }
}

const OPTION_SPACE = 40; // RFC 9293, 3.1: a header of at most 60 bytes, 20 of them fixed
const MSS_OPTION = 4; // the SYN's MSS option must stay, for it is what makes room in full segments

function checkFormat(service: ServiceDraft, path: string, faults: Faults): void {
  const format = service.toa?.format === undefined ? undefined : formatById(service.toa.format);
  if (!format) return;
  if (!format.client) {
    faults.add(path, format.id, "a format that carries the client's address");
    return;
  }
  if (service.address !== undefined && format.client.family !== familyOf(service.address)) {
    faults.add(
      path,
      format.id,
      `a format for IPv${familyOf(service.address)}, as the service's address is ${service.address}`,
    );
  }
  const room = service.toa?.on?.includes('syn') ? OPTION_SPACE - MSS_OPTION : OPTION_SPACE;
  if (format.length > room) {
    faults.add(
      path,
      format.id,
      `a format of at most ${room} bytes, as the SYN carries its MSS too; this one has ${format.length}`,
    );
  }
}

const MOST_OF_A_KIND = 65_536; // a connection's record has 16 bits for its service and 16 for its real server

function refuseTooMany(services: readonly (ServiceDraft | undefined)[], faults: Faults): void {
  if (services.length > MOST_OF_A_KIND)
    faults.add('services', services, `at most ${MOST_OF_A_KIND} services`);
  const servers = services.flatMap((service) => service?.realServers ?? []);
  if (servers.length > MOST_OF_A_KIND) {
    faults.add('services', servers, `at most ${MOST_OF_A_KIND} real servers in all services together`);
  }
}

interface Located {
  readonly address: string;
  readonly at: string;
}

function localAddressesOf(service: ServiceDraft, path: string): Located[] {
  return (service.localAddresses ?? []).flatMap((address, index) =>
    address === undefined ? [] : [{ address, at: `${path}.localAddresses[${index}]` }],
  );
}

function realServersOf(service: ServiceDraft, path: string): Located[] {
  return (service.realServers ?? []).flatMap((server, index) =>
    server?.address === undefined
      ? []
      : [{ address: server.address, at: `${path}.realServers[${index}].address` }],
  );
}

/** An address is a VIP, a local address or a real server's: the destination alone tells what a packet is. */
function refuseSharedRoles(services: readonly (ServiceDraft | undefined)[], faults: Faults): void {
  const vips = new Map<string, string>();
  const servers = new Map<string, string>();
  const each = services.flatMap((service, index) =>
    service ? [{ service, path: `services[${index}]` }] : [],
  );
  for (const { service, path } of each) {
    if (service.address !== undefined) vips.set(service.address, `${path}.address`);
    for (const { address, at } of realServersOf(service, path)) servers.set(address, at);
  }
  for (const { service, path } of each) {
    for (const { address, at } of localAddressesOf(service, path)) {
      const vip = vips.get(address);
      const server = servers.get(address);
      if (vip !== undefined) faults.add(at, address, `an address that is not a VIP, as ${vip} is`);
      if (server !== undefined)
        faults.add(at, address, `an address that is not a real server's, as ${server} is`);
    }
    for (const { address, at } of realServersOf(service, path)) {
      const vip = vips.get(address);
      if (vip !== undefined) faults.add(at, address, `an address that is not a VIP, as ${vip} is`);
    }
  }
}
