import { Blocks } from './blocks.js';
import type { Faults } from './faults.js';
import { overlap, type PortRange, portRange, within } from './ports.js';
import { formatTarget } from './service-name.js';
import type { ServiceDraft } from './shape.js';

/** A block of addresses and a range of ports that a service wants to have. */
interface Claim {
  readonly service: number;
  readonly protocol: string;
  readonly block: string;
  readonly ports: PortRange;
  /** Block and ports, as text. */
  readonly target: string;
}

type Conflict = readonly [earlier: Claim, later: Claim];

/**
 * Of two services that meet, one must lie within the other: an address in a CIDR, a port in a range. The inner one gets
 * what is its own. Where neither is the inner one, nobody could tell whose a packet is. One fault for two services, at
 * the later one.
 */
export function refuseOverlaps(services: readonly (ServiceDraft | undefined)[], faults: Faults): void {
  const claims = services.flatMap(claimsOf);
  const conflicts = new Map<string, Conflict>();
  for (const [a, b] of [...findEqual(claims), ...findCrossing(claims)]) {
    if (a.service === b.service) continue; // within a service it is one of its ports or addresses that is at fault
    const [earlier, later] = a.service < b.service ? [a, b] : [b, a];
    conflicts.set(`${earlier.service} ${later.service}`, [earlier, later]);
  }
  for (const [earlier, later] of [...conflicts.values()].sort(([, a], [, b]) => a.service - b.service)) {
    const name = `services[${earlier.service}]`;
    const wanted =
      earlier.target === later.target
        ? `another than ${name} has`
        : `addresses and ports within those of ${name}, ${earlier.target}, or around them, or apart from them`;
    faults.add(`services[${later.service}]`, later.target, wanted);
  }
}

function claimsOf(service: ServiceDraft | undefined, index: number): Claim[] {
  const { address: addresses = [], port: ports = [], protocol } = service ?? {};
  if (protocol === undefined) return [];
  return addresses.flatMap(({ value: block }) =>
    ports.map(({ value: port }) => ({
      service: index,
      protocol,
      block,
      ports: portRange(port),
      target: formatTarget(block, port),
    })),
  );
}

function findEqual(claims: readonly Claim[]): Conflict[] {
  const first = new Map<string, Claim>();
  return claims.flatMap((claim) => {
    const key = `${claim.protocol} ${claim.target}`;
    const equal = first.get(key);
    if (equal === undefined) first.set(key, claim);
    return equal === undefined ? [] : [[equal, claim] as const];
  });
}

/** Claims that meet in part. A single port never does: what meets it in the same block or a wider one has it within. */
function findCrossing(claims: readonly Claim[]): Conflict[] {
  const ranges = claims.filter(({ ports }) => ports.first < ports.last);
  if (ranges.length === 0) return [];
  const blocks = new Blocks<Claim>();
  for (const claim of claims) blocks.add(claim.block, claim);
  return ranges.flatMap((range) =>
    blocks
      .around(range.block)
      .filter((other) => cross(range, other))
      .map((other) => [range, other] as const),
  );
}

/** @param outer its block is the same or a wider one */
function cross(inner: Claim, outer: Claim): boolean {
  if (inner.protocol !== outer.protocol || !overlap(inner.ports, outer.ports)) return false;
  const around = inner.block === outer.block && within(outer.ports, inner.ports);
  return !around && !within(inner.ports, outer.ports);
}
