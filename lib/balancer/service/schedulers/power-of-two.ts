import type { RealServer } from '../real-server.js';
import { GENERATIONS } from './generation.js';
import type { Scheduler, SchedulerOptions } from './scheduler.js';

/** `twos`: two are drawn at random by their weights, and the less loaded one is taken (ip_vs_twos.c; Mitzenmacher). */
export class PowerOfTwo implements Scheduler {
  readonly #overhead: (server: RealServer) => number;
  readonly #random: () => number;
  #servers: readonly RealServer[] = [];

  constructor({ profile, random }: SchedulerOptions) {
    this.#overhead = GENERATIONS[profile].overhead;
    this.#random = random;
  }

  update(servers: readonly RealServer[]): void {
    this.#servers = servers;
  }

  schedule(): RealServer | undefined {
    let total = 0;
    for (let i = 0; i < this.#servers.length; i++) {
      const server = this.#servers[i]!;
      if (server.eligible) total += server.weight;
    }
    const first = this.#draw(total);
    const second = this.#draw(total);
    if (first === undefined || second === undefined) return undefined;
    return second.weight * this.#overhead(first) > first.weight * this.#overhead(second) ? second : first;
  }

  /** Of 0 to the total, both included, as the kernel draws: the first in the list is drawn a little more often. */
  #draw(total: number): RealServer | undefined {
    let left = this.#random() % (total + 1);
    for (let i = 0; i < this.#servers.length; i++) {
      const server = this.#servers[i]!;
      if (!server.eligible) continue;
      left -= server.weight;
      if (left <= 0) return server;
    }
    return undefined;
  }
}
