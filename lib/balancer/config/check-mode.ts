import { type Family, parseCidr } from '../../net/address.js';
import { Blocks } from './blocks.js';
import { localAddressesOf, serverAddressesOf } from './check-roles.js';
import type { Faults } from './faults.js';
import type { ForwardingMode } from './model.js';
import { solePort } from './ports.js';
import type { RouteDraft, ServiceDraft } from './shape.js';
import { familyOf } from './siblings.js';

interface Place {
  readonly service: ServiceDraft;
  readonly path: string;
  readonly routes: readonly (RouteDraft | undefined)[];
  /** As people write it: NAT. */
  readonly mode: string;
}

type Check = (place: Place, faults: Faults) => void;

/** What each forwarding mode asks of a service. */
const checks: Readonly<Record<ForwardingMode, readonly Check[]>> = {
  nat: [refuseLocalAddresses, refuseLocalPorts, checkOneFamily],
  dr: [refuseLocalAddresses, refuseLocalPorts, checkOneFamily, checkServerPorts, checkNeighbors],
  tun: [checkOuterSources, refuseLocalPorts, checkServerPorts],
  fullnat: [requireLocalAddress, checkTranslation],
};

export function checkMode(
  service: ServiceDraft,
  path: string,
  routes: readonly (RouteDraft | undefined)[],
  faults: Faults,
): void {
  if (service.mode === undefined) return;
  const place = { service, path, routes, mode: service.mode.toUpperCase() };
  for (const check of checks[service.mode]) check(place, faults);
}

function refuseLocalAddresses({ service: { localAddresses = [] }, path, mode }: Place, faults: Faults): void {
  if (localAddresses.length === 0) return;
  faults.add(`${path}.localAddresses`, localAddresses, `nothing, as ${mode} keeps the client's address`);
}

function refuseLocalPorts({ service: { localPorts }, path, mode }: Place, faults: Faults): void {
  if (localPorts === undefined) return;
  faults.add(`${path}.localPorts`, localPorts, `nothing, as ${mode} keeps the client's port`);
}

function requireLocalAddress({ service: { localAddresses }, path }: Place, faults: Faults): void {
  if (localAddresses?.length !== 0) return;
  const wanted = 'at least one local address, which FULLNAT cannot do without';
  faults.add(`${path}.localAddresses`, undefined, wanted);
}

function checkOneFamily({ service, path }: Place, faults: Faults): void {
  const [vip] = service.address ?? [];
  if (vip) refuseOtherFamily(service, path, familyOf(vip.value), `the service's is ${vip.value}`, faults);
}

/** FULLNAT stays in the VIP's family, or goes from IPv6 to IPv4 (NAT64): its first local address says which. */
function checkTranslation({ service, path }: Place, faults: Faults): void {
  const [vip] = service.address ?? [];
  if (vip === undefined) return;
  const [local] = localAddressesOf(service, path);
  if (familyOf(vip.value) === 4 || local === undefined || familyOf(local.value) === 6) {
    refuseOtherFamily(service, path, familyOf(vip.value), `the service's is ${vip.value}`, faults);
    return;
  }
  refuseOtherFamily(service, path, 4, `${local.path} is`, faults);
  if (service.protocol === 'udp') {
    faults.add(`${path}.protocol`, 'udp', 'tcp, as FULLNAT from IPv6 to IPv4 (NAT64) is for TCP only');
  }
}

function refuseOtherFamily(
  service: ServiceDraft,
  path: string,
  family: Family,
  reason: string,
  faults: Faults,
): void {
  for (const { value, path: at } of [
    ...localAddressesOf(service, path),
    ...serverAddressesOf(service, path),
  ]) {
    if (familyOf(value) !== family) faults.add(at, value, `an IPv${family} address, as ${reason}`);
  }
}

/** The outer header has a source of the real server's family, whatever the inner one's is. */
function checkOuterSources({ service, path }: Place, faults: Faults): void {
  const { localAddresses = [undefined] } = service;
  if (localAddresses.includes(undefined)) return; // the faulty one may be of the family that would be missed
  const sources = localAddressesOf(service, path).map(({ value }) => familyOf(value));
  const servers = serverAddressesOf(service, path);
  for (const family of [4, 6] as const) {
    const server = servers.find(({ value }) => familyOf(value) === family);
    if (server === undefined || sources.includes(family)) continue;
    const wanted = `an IPv${family} address, which the outer headers to ${server.path} come from`;
    faults.add(`${path}.localAddresses`, localAddresses, wanted);
  }
}

/** DR and TUN leave everything from the port on as it is. */
function checkServerPorts({ service, path, mode }: Place, faults: Faults): void {
  const { port: ports = [], realServers = [] } = service;
  if (ports.length === 0) return;
  const own = solePort(ports.map(({ value }) => value));
  for (const [index, server] of realServers.entries()) {
    if (server?.port === undefined || server.port === own) continue;
    const wanted = own === undefined ? 'nothing' : `${own}, or nothing`;
    faults.add(`${path}.realServers[${index}].port`, server.port, `${wanted}, as ${mode} keeps the port`);
  }
}

/** DR sends to the real server's MAC address. Routes that are not known yet (see the daemon's import) refuse nothing. */
function checkNeighbors({ service, path, routes }: Place, faults: Faults): void {
  const sound = routes.flatMap((route, index) =>
    route?.to === undefined ? [] : [{ ...route, to: route.to, index }],
  );
  if (sound.length < routes.length) return;
  const blocks = new Blocks<(typeof sound)[number]>();
  for (const route of sound) blocks.add(route.to, route);
  for (const { value, path: at } of serverAddressesOf(service, path)) {
    const [route] = blocks.around(value).sort((a, b) => prefixOf(b.to) - prefixOf(a.to));
    if (route?.via === undefined) continue;
    const wanted = `a neighbor, as DR sends to its MAC address; routes[${route.index}] leads over ${route.via}`;
    faults.add(at, value, wanted);
  }
}

const prefixOf = (block: string) => parseCidr(block)?.prefix ?? 0;
