import type { RealServer } from '../real-server.js';
import { leastLoaded } from './least-loaded.js';
import type { Scheduler } from './scheduler.js';

/** Active connections with the one that is to come. */
export function expectedDelay(server: RealServer): number {
  return server.active + 1;
}

/** `sed`: the one on which the new connection will wait the shortest, by active connections and weight (ip_vs_sed.c). */
export class ShortestExpectedDelay implements Scheduler {
  #servers: readonly RealServer[] = [];

  update(servers: readonly RealServer[]): void {
    this.#servers = servers;
  }

  schedule(): RealServer | undefined {
    return leastLoaded(this.#servers, expectedDelay);
  }
}
