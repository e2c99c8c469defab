import type { RealServer } from '../real-server.js';
import type { Scheduler } from './scheduler.js';

/** `rr`: one after the other, whatever their weights, skipping those with weight 0 (ip_vs_rr.c). */
export class RoundRobin implements Scheduler {
  #servers: readonly RealServer[] = [];
  /** The one chosen last; undefined at the beginning, and then the first in the list comes first. */
  #last: RealServer | undefined;

  /** Where the one chosen last has gone, the turn is at who stood before it. */
  update(servers: readonly RealServer[]): void {
    let last = this.#last;
    while (last !== undefined && !servers.includes(last)) {
      last = this.#servers[this.#servers.indexOf(last) - 1];
    }
    this.#last = last;
    this.#servers = servers;
  }

  schedule(): RealServer | undefined {
    const servers = this.#servers;
    const last = this.#last === undefined ? -1 : servers.indexOf(this.#last);
    for (let step = 1; step <= servers.length; step++) {
      const server = servers[(last + step) % servers.length]!;
      if (!server.eligible) continue;
      this.#last = server;
      return server;
    }
    return undefined;
  }
}
