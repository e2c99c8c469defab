import { refuseOverlaps } from './check-overlaps.js';
import { checkService } from './check-service.js';
import type { Faults } from './faults.js';
import { defaultName } from './service-name.js';
import type { RouteDraft, ServiceDraft } from './shape.js';
import { refuseRepeated } from './siblings.js';

/** What services must not do to each other and to themselves. */
export function checkServices(
  services: readonly (ServiceDraft | undefined)[],
  routes: readonly (RouteDraft | undefined)[],
  faults: Faults,
): void {
  refuseRepeated(services, (service) => service.name, 'services', 'name', faults);
  refuseDefaultNames(services, faults);
  refuseOverlaps(services, faults);
  for (const [index, service] of services.entries()) {
    if (service) checkService(service, `services[${index}]`, routes, faults);
  }
  refuseTooMany(services, faults);
}

/** Nobody may take the name that a service without one gets. */
function refuseDefaultNames(services: readonly (ServiceDraft | undefined)[], faults: Faults): void {
  const given = new Map(services.map((service, index) => [service?.name, index]));
  for (const [index, service] of services.entries()) {
    const { name, protocol, address: [address] = [], port: [port] = [] } = service ?? {};
    if (name !== undefined || protocol === undefined || address === undefined || port === undefined) continue;
    const byDefault = defaultName(protocol, address.value, port.value);
    const taker = given.get(byDefault);
    if (taker === undefined) continue;
    faults.add(`services[${taker}].name`, byDefault, `another than services[${index}] has by default`);
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
