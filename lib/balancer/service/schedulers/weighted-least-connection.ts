import type { RealServer } from '../real-server.js';
import { GENERATIONS } from './generation.js';
import { leastLoaded } from './least-loaded.js';
import type { Scheduler, SchedulerOptions } from './scheduler.js';

/** `wlc`: the one with the least connections for its weight (ip_vs_wlc.c). */
export class WeightedLeastConnection implements Scheduler {
  readonly #overhead: (server: RealServer) => number;
  #servers: readonly RealServer[] = [];

  constructor({ profile }: SchedulerOptions) {
    this.#overhead = GENERATIONS[profile].overhead;
  }

  update(servers: readonly RealServer[]): void {
    this.#servers = servers;
  }

  schedule(): RealServer | undefined {
    return leastLoaded(this.#servers, this.#overhead);
  }
}
