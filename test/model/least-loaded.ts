/** Who has the least load, by fractions of integers that cannot overflow, and by sorting. */
import type { Profile, SchedulerName } from '../../lib/balancer/config/model.js';

export interface LoadedServer {
  readonly weight: number;
  readonly active: number;
  readonly inactive: number;
  readonly overloaded: boolean;
}

const overhead = (profile: Profile, { active, inactive }: LoadedServer) =>
  profile === 'kernel' ? active * 256 + (active + inactive) : active * 256 + inactive;

/** The candidates with the least load for their weight, the one first in the list first. */
function ascending<Server extends LoadedServer>(
  candidates: readonly Server[],
  load: (server: Server) => number,
  weight: (server: Server) => number,
): Server[] {
  const compare = (a: Server, b: Server) =>
    Number(BigInt(load(a)) * BigInt(weight(b)) - BigInt(load(b)) * BigInt(weight(a)));
  return candidates
    .map((server, position) => ({ server, position }))
    .sort((a, b) => compare(a.server, b.server) || a.position - b.position)
    .map(({ server }) => server);
}

export type LeastName = Extract<SchedulerName, 'lc' | 'wlc' | 'sed' | 'nq' | 'fo' | 'ovf'>;

export function leastModel<Server extends LoadedServer>(
  name: LeastName,
  servers: readonly Server[],
  profile: Profile,
): Server | undefined {
  const free = servers.filter((server) => server.weight > 0 && !server.overloaded);
  const own = (server: Server) => server.weight;
  const soon = (server: Server) => server.active + 1;
  switch (name) {
    case 'lc':
      return ascending(
        free,
        (server) => overhead(profile, server),
        () => 1,
      )[0];
    case 'wlc':
      return ascending(free, (server) => overhead(profile, server), own)[0];
    case 'sed':
      return ascending(free, soon, own)[0];
    case 'nq':
      return free.find((server) => server.active === 0) ?? ascending(free, soon, own)[0];
    case 'fo':
      return ascending(free, () => 1, own)[0];
    case 'ovf':
      return ascending(
        free.filter((server) => server.active <= server.weight),
        () => 1,
        own,
      )[0];
  }
}
