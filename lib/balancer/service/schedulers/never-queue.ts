import type { RealServer } from '../real-server.js';
import { leastLoaded } from './least-loaded.js';
import type { Scheduler } from './scheduler.js';
import { expectedDelay } from './shortest-expected-delay.js';

/** `nq`: the first that is idle, whatever its weight; when none is, as `sed` (ip_vs_nq.c). */
export class NeverQueue implements Scheduler {
  #servers: readonly RealServer[] = [];

  update(servers: readonly RealServer[]): void {
    this.#servers = servers;
  }

  schedule(): RealServer | undefined {
    for (let i = 0; i < this.#servers.length; i++) {
      const server = this.#servers[i]!;
      if (server.eligible && server.active === 0) return server;
    }
    return leastLoaded(this.#servers, expectedDelay);
  }
}
