import type { RealServer } from '../real-server.js';
import type { Scheduler } from './scheduler.js';

/** `fo`: always the one with the highest weight; of equals the first (ip_vs_fo.c). */
export class WeightedFailover implements Scheduler {
  #servers: readonly RealServer[] = [];

  update(servers: readonly RealServer[]): void {
    this.#servers = servers;
  }

  schedule(): RealServer | undefined {
    let highest: RealServer | undefined;
    for (let i = 0; i < this.#servers.length; i++) {
      const server = this.#servers[i]!;
      if (!this.takes(server)) continue;
      if (highest === undefined || server.weight > highest.weight) highest = server;
    }
    return highest;
  }

  /** Whether a real server may be chosen. */
  protected takes(server: RealServer): boolean {
    return server.eligible;
  }
}
