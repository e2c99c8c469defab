import type { RealServer } from '../real-server.js';
import { GENERATIONS } from './generation.js';
import type { Scheduler, SchedulerOptions } from './scheduler.js';

/** `lc`: the one with the least connections, whatever their weights; of equals the first (ip_vs_lc.c). */
export class LeastConnection implements Scheduler {
  readonly #overhead: (server: RealServer) => number;
  #servers: readonly RealServer[] = [];

  constructor({ profile }: SchedulerOptions) {
    this.#overhead = GENERATIONS[profile].overhead;
  }

  update(servers: readonly RealServer[]): void {
    this.#servers = servers;
  }

  schedule(): RealServer | undefined {
    let least: RealServer | undefined;
    let leastOverhead = 0;
    for (let i = 0; i < this.#servers.length; i++) {
      const server = this.#servers[i]!;
      if (!server.eligible) continue;
      const overhead = this.#overhead(server);
      if (least === undefined || overhead < leastOverhead) {
        least = server;
        leastOverhead = overhead;
      }
    }
    return least;
  }
}
