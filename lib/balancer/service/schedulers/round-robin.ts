import type { RealServer } from '../real-server.js';
import type { Scheduler } from './scheduler.js';

/** `rr`: one after the other, whatever their weights, skipping those with weight 0 (ip_vs_rr.c). */
export class RoundRobin implements Scheduler {
  #last = -1;

  schedule(servers: readonly RealServer[]): RealServer | undefined {
    for (let step = 1; step <= servers.length; step++) {
      const position = (this.#last + step) % servers.length;
      const server = servers[position]!;
      if (server.weight > 0) {
        this.#last = position;
        return server;
      }
    }
    return undefined;
  }
}
