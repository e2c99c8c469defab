import type { RealServer } from '../real-server.js';
import { type Destination, EXPIRATION } from './destination-table.js';
import { leastLoaded } from './least-loaded.js';
import { Locality } from './locality.js';

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
export class LocalityLeastConnectionReplicated extends Locality<ReplicatedDestination> {
  protected remember(address: Int32Array, server: RealServer, now: number): ReplicatedDestination {
    return { address, lastUse: now, servers: [server], lastChange: now };
  }

  protected serverOf(known: ReplicatedDestination, now: number): RealServer | undefined {
    const own = leastLoaded(known.servers, this.overhead);
    if (known.servers.length > 1 && now > known.lastChange + EXPIRATION) this.#removeMostLoaded(known, now);
    return own;
  }

  protected assign(known: ReplicatedDestination, server: RealServer, now: number): void {
    if (known.servers.includes(server)) return;
    known.servers.unshift(server);
    known.lastChange = now;
  }

  /** Of equals the first is removed; one with weight 0 never is. */
  #removeMostLoaded(known: ReplicatedDestination, now: number): void {
    const { overhead } = this;
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
