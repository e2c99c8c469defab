/** What the model of the balancer keeps from one packet to the next: its time, its counters and its tables. */
import type { ResolvedConfig } from '../../lib/balancer/config/model.js';
import type { Topology } from '../support/topology.js';
import { type Connection, type Service, servicesOf, TICK } from './parties.js';
import { CookieModel } from './syn-cookie.js';
import { Templates } from './templates.js';

export class Memory {
  readonly counters = new Map<string, number>();
  /** By what a client's packets name it. */
  readonly connections = new Map<string, Connection>();
  /** By what a real server's packets name it. */
  readonly byServer = new Map<string, Connection>();
  readonly services: readonly Service[];
  readonly templates: Templates;
  readonly topology: Topology;
  readonly expireWithoutServer: boolean;
  readonly cookies: CookieModel;
  /** Of outer headers, each with the real server that it was sent to. */
  readonly tunnelIds = new Set<string>();
  readonly count = (name: string, amount = 1): void => {
    this.counters.set(name, (this.counters.get(name) ?? 0) + amount);
  };
  tick: number;
  /** The last one that was told of; none yet. */
  second = 0;

  constructor(config: ResolvedConfig, topology: Topology, secret: Uint8Array, now: number) {
    this.topology = topology;
    this.expireWithoutServer = config.settings.expireWithoutServer;
    this.cookies = new CookieModel(secret.subarray(8, 24));
    this.tick = now / TICK;
    this.services = servicesOf(config, topology);
    this.templates = new Templates(config.settings.expireQuiescentTemplate);
  }

  /** Milliseconds. */
  get now(): number {
    return this.tick * TICK;
  }

  get minute(): number {
    return Math.floor(this.now / 60_000);
  }
}
