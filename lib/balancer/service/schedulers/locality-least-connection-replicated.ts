import type { Frame } from '../../frame.js';
import type { RealServer } from '../real-server.js';
import { type Destination, DestinationTable, destinationOf, EXPIRATION } from './destination-table.js';
import { GENERATIONS } from './generation.js';
import { leastLoaded } from './least-loaded.js';
import type { Scheduler, SchedulerOptions } from './scheduler.js';
import { shouldSpill } from './should-spill.js';

interface ReplicatedDestination extends Destination {
  /** The one added last comes first. */
  readonly servers: RealServer[];
  /** When one was added or removed, in milliseconds. */
  lastChange: number;
}

/**
 * `lblcr`: as `lblc`, but an address may have several real servers. One is added when the least loaded of them is
 * overloaded and another is not; a day after the last change the most loaded one is removed (ip_vs_lblcr.c).
 */
export class LocalityLeastConnectionReplicated implements Scheduler {
  readonly #overhead: (server: RealServer) => number;
  readonly #destinations: DestinationTable<ReplicatedDestination>;
  #servers: readonly RealServer[] = [];

  constructor({ profile, random }: SchedulerOptions) {
    this.#overhead = GENERATIONS[profile].overhead;
    this.#destinations = new DestinationTable(random);
  }

  update(servers: readonly RealServer[]): void {
    this.#servers = servers;
  }

  schedule(frame: Frame, now: number): RealServer | undefined {
    const known = this.#destinations.find(frame, now);
    if (known !== undefined) {
      const own = leastLoaded(known.servers, this.#overhead);
      if (known.servers.length > 1 && now > known.lastChange + EXPIRATION) this.#removeMostLoaded(known, now);
      if (own !== undefined && !shouldSpill(own, this.#servers)) return own;
    }
    const server = leastLoaded(this.#servers, this.#overhead);
    if (server === undefined) return undefined;
    if (known === undefined) {
      const address = destinationOf(frame);
      this.#destinations.add({ address, lastUse: now, servers: [server], lastChange: now });
    } else if (!known.servers.includes(server)) {
      known.servers.unshift(server);
      known.lastChange = now;
    }
    return server;
  }

  /** Of equals the first is removed; one with weight 0 never is. */
  #removeMostLoaded(known: ReplicatedDestination, now: number): void {
    const overhead = this.#overhead;
    let most = -1;
    for (const [position, server] of known.servers.entries()) {
      if (server.weight === 0) continue;
      const before = known.servers[most];
      if (before === undefined || overhead(before) * server.weight < overhead(server) * before.weight) {
        most = position;
      }
    }
    if (most === -1) return;
    known.servers.splice(most, 1);
    known.lastChange = now;
  }
}
