import type { Frame } from '../../frame.js';
import type { RealServer } from '../real-server.js';
import { type Destination, DestinationTable, destinationOf } from './destination-table.js';
import { GENERATIONS } from './generation.js';
import { leastLoaded } from './least-loaded.js';
import type { Scheduler, SchedulerOptions } from './scheduler.js';

/**
 * A scheduler that sends connections to one address where the last ones went, until that is overloaded and another
 * real server is not; else as `wlc` does. For services of many addresses, such as transparent caches.
 */
export abstract class Locality<Entry extends Destination> implements Scheduler {
  protected readonly overhead: (server: RealServer) => number;
  readonly #destinations: DestinationTable<Entry>;
  #servers: readonly RealServer[] = [];

  constructor({ profile, random }: SchedulerOptions) {
    this.overhead = GENERATIONS[profile].overhead;
    this.#destinations = new DestinationTable(random);
  }

  update(servers: readonly RealServer[]): void {
    this.#servers = servers;
  }

  /** What is to be remembered of an address whose connections go to `server`. */
  protected abstract remember(address: Int32Array, server: RealServer, now: number): Entry;
  /** The real server that an address has, if that may take a connection. */
  protected abstract serverOf(known: Entry, now: number): RealServer | undefined;
  /** An address gets another real server. */
  protected abstract assign(known: Entry, server: RealServer, now: number): void;

  schedule(frame: Frame, now: number): RealServer | undefined {
    const known = this.#destinations.find(frame, now);
    const own = known && this.serverOf(known, now);
    if (own !== undefined && !shouldSpill(own, this.#servers)) return own;
    const server = leastLoaded(this.#servers, this.overhead);
    if (server === undefined) return undefined;
    if (known === undefined) this.#destinations.add(this.remember(destinationOf(frame), server, now));
    else this.assign(known, server, now);
    return server;
  }
}

/**
 * Whether a destination had better leave its real server: that has more active connections than its weight says, and
 * another has less than half of what its own weight says.
 */
function shouldSpill(server: RealServer, servers: readonly RealServer[]): boolean {
  if (server.active <= server.weight) return false;
  for (let i = 0; i < servers.length; i++) {
    const other = servers[i]!;
    if (other.active * 2 < other.weight) return true;
  }
  return false;
}
