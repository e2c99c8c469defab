import type { RealServer } from '../real-server.js';
import type { Scheduler } from './scheduler.js';

/**
 * `ovf`: the one with the highest weight until it has more active connections than its weight says, then the next
 * highest; of equals the first. None when all are full (ip_vs_ovf.c).
 */
export class WeightedOverflow implements Scheduler {
  #servers: readonly RealServer[] = [];

  update(servers: readonly RealServer[]): void {
    this.#servers = servers;
  }

  schedule(): RealServer | undefined {
    let highest: RealServer | undefined;
    for (let i = 0; i < this.#servers.length; i++) {
      const server = this.#servers[i]!;
      if (!server.eligible || server.active > server.weight) continue;
      if (highest === undefined || server.weight > highest.weight) highest = server;
    }
    return highest;
  }
}
