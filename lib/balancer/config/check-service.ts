import { Blocks } from './blocks.js';
import { checkClientAddress } from './check-client-address.js';
import { checkMode } from './check-mode.js';
import { checkSynProxy } from './check-syn-proxy.js';
import type { Faults } from './faults.js';
import { acceptedFlags } from './model.js';
import { portRange, solePort } from './ports.js';
import { formatTarget } from './service-name.js';
import type { RouteDraft, ServiceDraft } from './shape.js';
import { familyOf, refuseRepeated } from './siblings.js';

/** What the parts of one service must not do to each other. */
export function checkService(
  service: ServiceDraft,
  path: string,
  routes: readonly (RouteDraft | undefined)[],
  faults: Faults,
): void {
  refuseRepeatedItems(service, path, faults);
  checkAddresses(service, faults);
  checkPorts(service, faults);
  checkFlags(service, path, faults);
  checkPersistence(service, path, faults);
  checkThresholds(service, path, faults);
  checkMode(service, path, routes, faults);
  checkClientAddress(service, path, faults);
  checkSynProxy(service, path, faults);
}

function refuseRepeatedItems(service: ServiceDraft, path: string, faults: Faults): void {
  const servicePort = solePort(service.port?.map(({ value }) => value) ?? []);
  const endpointOf = ({ address, port = servicePort }: { address?: string; port?: number }) =>
    address === undefined ? undefined : port === undefined ? address : formatTarget(address, port);
  refuseRepeated(service.localAddresses ?? [], (address) => address, `${path}.localAddresses`, '', faults);
  refuseRepeated(service.realServers ?? [], endpointOf, `${path}.realServers`, '', faults);
  refuseRepeated(service.schedulerFlags ?? [], (flag) => flag, `${path}.schedulerFlags`, '', faults);
  refuseRepeated(service.synProxy?.reuse ?? [], (state) => state, `${path}.synProxy.reuse`, '', faults);
  refuseRepeated(service.toa?.on ?? [], (segment) => segment, `${path}.toa.on`, '', faults);
}

/** Addresses of one family, each of them once. */
function checkAddresses(service: ServiceDraft, faults: Faults): void {
  const addresses = service.address ?? [];
  const [first] = addresses;
  if (first === undefined) return;
  const blocks = new Blocks<number>();
  for (const [index, { value }] of addresses.entries()) blocks.add(value, index);
  for (const [index, { value, path }] of addresses.entries()) {
    if (familyOf(value) !== familyOf(first.value)) {
      faults.add(path, value, `an IPv${familyOf(first.value)} address, as ${first.path} is`);
    }
    const other = blocks.around(value).find((at) => addresses[at]?.value !== value || at < index);
    if (other !== undefined) faults.add(path, value, `another than ${addresses[other]?.path} has`);
  }
}

/** Each port once. */
function checkPorts(service: ServiceDraft, faults: Faults): void {
  const byFirst = (service.port ?? [])
    .map((port) => ({ ...port, ...portRange(port.value) }))
    .sort((a, b) => a.first - b.first);
  let [reaching] = byFirst;
  for (const range of byFirst.slice(1)) {
    if (reaching === undefined || range.first > reaching.last) reaching = range;
    else faults.add(range.path, range.value, `another than ${reaching.path} has`);
  }
}

function checkFlags(
  { scheduler, schedulerFlags: flags = [] }: ServiceDraft,
  path: string,
  faults: Faults,
): void {
  if (scheduler === undefined) return;
  const known = acceptedFlags[scheduler] ?? [];
  const wanted = known.length > 0 ? `one of ${known.join(', ')}` : 'nothing';
  for (const [index, flag] of flags.entries()) {
    if (flag === undefined || known.includes(flag)) continue;
    faults.add(`${path}.schedulerFlags[${index}]`, flag, `${wanted}, as the scheduler is ${scheduler}`);
  }
}

function checkPersistence({ address, persistence }: ServiceDraft, path: string, faults: Faults): void {
  const [vip] = address ?? [];
  const { prefix } = persistence ?? {};
  if (vip === undefined || familyOf(vip.value) === 6 || prefix === undefined || prefix <= 32) return;
  faults.add(`${path}.persistence.prefix`, prefix, 'an integer from 1 to 32 for IPv4');
}

/** As ip_vs_add_dest() in the kernel's ip_vs_ctl.c: with no upper threshold there is no lower one. */
function checkThresholds({ realServers = [] }: ServiceDraft, path: string, faults: Faults): void {
  for (const [index, server] of realServers.entries()) {
    const { upperThreshold: upper, lowerThreshold: lower } = server ?? {};
    if (upper === undefined || lower === undefined || lower <= upper) continue;
    const at = `${path}.realServers[${index}]`;
    faults.add(`${at}.lowerThreshold`, lower, `at most ${at}.upperThreshold, ${upper}`);
  }
}
