import type { Directory } from '../service/directory.js';
import type { RealServer } from '../service/real-server.js';
import type { Rates, VirtualService } from '../service/virtual-service.js';
import { ESTIMATOR_INTERVAL, Estimator } from './estimator.js';
import {
  BYTES_IN,
  BYTES_OUT,
  CONNECTIONS,
  FIELDS,
  PACKETS_IN,
  PACKETS_OUT,
  type Traffic,
} from './traffic.js';

/** Counts since the start or the last reset, and rates a second; bytes are of IP packets, as they came in. */
export interface TrafficStatistics {
  readonly connections: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly connectionsPerSecond: number;
  readonly packetsInPerSecond: number;
  readonly packetsOutPerSecond: number;
  readonly bytesInPerSecond: number;
  readonly bytesOutPerSecond: number;
}

/** A real server of the configuration, or a removed one that has connections still. */
export interface ServerStatistics {
  readonly realServer: RealServer;
  readonly traffic: TrafficStatistics;
}

export interface ServiceStatistics {
  readonly service: VirtualService;
  /** With that of real servers that are gone. */
  readonly traffic: TrafficStatistics;
  readonly realServers: readonly ServerStatistics[];
}

export interface Snapshot {
  /** With that of services that are gone. */
  readonly total: TrafficStatistics;
  /** In the order of the configuration; then those it has no longer that have connections still. */
  readonly services: readonly ServiceStatistics[];
}

/** One count of everything: totals of all time, what was shown when it was last reset, and rates. */
class Account {
  readonly totals = new Float64Array(FIELDS);
  readonly estimator = new Estimator();
  readonly #baseline = new Float64Array(FIELDS);

  reset(): void {
    this.#baseline.set(this.totals);
    this.estimator.reset();
  }

  get shown(): TrafficStatistics {
    const { estimator } = this;
    const since = (field: number): number => this.totals[field]! - this.#baseline[field]!;
    return {
      connections: since(CONNECTIONS),
      packetsIn: since(PACKETS_IN),
      packetsOut: since(PACKETS_OUT),
      bytesIn: since(BYTES_IN),
      bytesOut: since(BYTES_OUT),
      connectionsPerSecond: estimator.rate(CONNECTIONS),
      packetsInPerSecond: estimator.rate(PACKETS_IN),
      packetsOutPerSecond: estimator.rate(PACKETS_OUT),
      bytesInPerSecond: estimator.rate(BYTES_IN),
      bytesOutPerSecond: estimator.rate(BYTES_OUT),
    };
  }
}

/** Statistics of the balancer, its services and their real servers (the counters and the estimator of Linux's IPVS). */
export class Statistics {
  readonly #traffic: Traffic;
  readonly #directory: Directory;
  readonly #total = new Account();
  readonly #services = new Map<VirtualService, Account>();
  readonly #servers = new Map<RealServer, Account>();
  /** Counts of real servers that are gone: of a service that is still there, and of all. */
  readonly #pastOf = new WeakMap<VirtualService, Float64Array>();
  readonly #past = new Float64Array(FIELDS);
  /** When the estimators are due, in milliseconds. */
  #due: number;

  constructor(traffic: Traffic, directory: Directory, now: number) {
    this.#traffic = traffic;
    this.#directory = directory;
    this.#due = now + ESTIMATOR_INTERVAL * 1000;
  }

  /** A real server is forgotten; what it counted stays with its service, and with the whole. */
  forgetServer(server: RealServer, service: VirtualService): void {
    const past = this.#pastOf.get(service) ?? new Float64Array(FIELDS);
    this.#pastOf.set(service, past);
    this.#traffic.sum(server.index, past);
    this.#traffic.sum(server.index, this.#past);
    this.#traffic.clear(server.index);
    this.#servers.delete(server);
  }

  forgetService(service: VirtualService): void {
    this.#pastOf.delete(service);
    this.#services.delete(service);
  }

  /** Moves the clock. @returns whether the rates are new */
  advance(now: number): boolean {
    if (now < this.#due) return false;
    this.#due += ESTIMATOR_INTERVAL * 1000;
    // After a long pause it goes on from now, rather than to take many steps at once.
    if (this.#due <= now) this.#due = now + ESTIMATOR_INTERVAL * 1000;
    this.#gather();
    for (const account of [this.#total, ...this.#services.values(), ...this.#servers.values()]) {
      account.estimator.advance(account.totals);
    }
    return true;
  }

  /** Begins all counts and rates anew (`ipvsadm -Z`). */
  reset(): void {
    this.#gather();
    for (const account of [this.#total, ...this.#services.values(), ...this.#servers.values()])
      account.reset();
  }

  /** Everything, counted in one pass. */
  snapshot(): Snapshot {
    this.#gather();
    const { current, services } = this.#directory;
    const listed = new Set<VirtualService | undefined>(current);
    const former = services.filter((service) => service !== undefined && !listed.has(service));
    const all = [...current, ...(former as VirtualService[])];
    return { total: this.#total.shown, services: all.map((service) => this.#ofService(service)) };
  }

  #ofService(service: VirtualService): ServiceStatistics {
    const servers = [...this.#directory.serversOf(service)];
    const realServers = servers.map((realServer) => ({
      realServer,
      traffic: account(this.#servers, realServer).shown,
    }));
    return { service, traffic: account(this.#services, service).shown, realServers };
  }

  /** A service's rates, as they were when `advance` made them last. */
  ratesOf(service: VirtualService): Rates {
    return account(this.#services, service).shown;
  }

  /** Brings all totals up to date. */
  #gather(): void {
    const total = this.#total.totals;
    total.set(this.#past);
    for (const service of this.#directory.services) {
      if (service === undefined) continue;
      const { totals } = account(this.#services, service);
      totals.fill(0);
      const past = this.#pastOf.get(service);
      if (past !== undefined) totals.set(past);
      for (const server of this.#directory.serversOf(service)) {
        const own = account(this.#servers, server).totals;
        own.fill(0);
        this.#traffic.sum(server.index, own);
        this.#traffic.sum(server.index, totals);
        this.#traffic.sum(server.index, total);
      }
    }
  }
}

function account<Key>(accounts: Map<Key, Account>, key: Key): Account {
  let found = accounts.get(key);
  if (found === undefined) {
    found = new Account();
    accounts.set(key, found);
  }
  return found;
}
