import type { Frame } from '../../frame.js';
import type { RealServer } from '../real-server.js';
import { type Destination, DestinationTable, destinationOf } from './destination-table.js';
import { GENERATIONS } from './generation.js';
import { leastLoaded } from './least-loaded.js';
import type { Scheduler, SchedulerOptions } from './scheduler.js';
import { shouldSpill } from './should-spill.js';

interface ServedDestination extends Destination {
  server: RealServer;
}

/**
 * `lblc`: connections to one address go to one real server, chosen as `wlc` does, until that is overloaded and
 * another is not; for services of many addresses, such as transparent caches (ip_vs_lblc.c).
 */
export class LocalityLeastConnection implements Scheduler {
  readonly #overhead: (server: RealServer) => number;
  readonly #destinations: DestinationTable<ServedDestination>;
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
    // Its threshold is not looked at here, as in the kernel: an address stays where it is.
    if (known?.server.available && known.server.weight > 0 && !shouldSpill(known.server, this.#servers)) {
      return known.server;
    }
    const server = leastLoaded(this.#servers, this.#overhead);
    if (server === undefined) return undefined;
    if (known === undefined) this.#destinations.add({ address: destinationOf(frame), lastUse: now, server });
    else known.server = server;
    return server;
  }
}
