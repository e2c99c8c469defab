import type { Faults } from './faults.js';
import type { LinkDraft, RouteDraft } from './shape.js';
import { familyOf, refuseRepeated } from './siblings.js';

const LEAST_IPV6_MTU = 1280; // RFC 8200, section 5

/** Links are told apart by name and by interface. */
export function checkLinks(links: readonly (LinkDraft | undefined)[], faults: Faults): void {
  refuseRepeated(links, (link) => link.name, 'links', 'name', faults);
  const names = links.map((link) => link?.name);
  const differing = links.map((link, index) => (names.indexOf(link?.name) === index ? link : undefined));
  refuseRepeated(differing, (link) => link.interface ?? link.name, 'links', 'interface', faults);
}

/** Each route goes to a link that there is, and speaks of one family. */
export function checkRoutes(
  routes: readonly (RouteDraft | undefined)[],
  links: readonly (LinkDraft | undefined)[],
  faults: Faults,
): void {
  refuseRepeated(routes, (route) => route.to, 'routes', 'to', faults);
  const names = [...new Set(links.map((link) => link?.name))];
  const namesAreKnown = names.length > 0 && !names.includes(undefined); // else a route may mean the link that is faulty
  for (const [index, route] of routes.entries()) {
    const path = `routes[${index}]`;
    if (namesAreKnown && route?.link !== undefined && !names.includes(route.link)) {
      faults.add(`${path}.link`, route.link, `the name of a link: ${names.join(', ')}`);
    }
    if (route?.to === undefined) continue;
    const family = familyOf(route.to);
    for (const key of ['via', 'source'] as const) {
      const address = route[key];
      if (address !== undefined && familyOf(address) !== family) {
        faults.add(`${path}.${key}`, address, `an IPv${family} address, as the route goes to ${route.to}`);
      }
    }
    if (family === 6 && route.mtu !== undefined && route.mtu < LEAST_IPV6_MTU) {
      faults.add(`${path}.mtu`, route.mtu, `an integer from ${LEAST_IPV6_MTU} to 65535 for IPv6`);
    }
  }
}
