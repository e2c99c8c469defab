import type { ResolvedRealServer, ResolvedService } from '../config/model.js';
import { type Pairs, pairRealServers, pairServices } from '../config/pairing.js';
import { PathMtus } from './path-mtus.js';
import { Places } from './places.js';
import { RealServer } from './real-server.js';
import { type ServiceSurroundings, VirtualService } from './virtual-service.js';

/** Positions in a connection's record have 16 bits. */
const PLACES = 65_536;

/** What becomes of a packet whose connection has this real server: it is forwarded; */
export const STANDING_SOUND = 0;
/** or, a bit each, the server was removed, */
export const STANDING_REMOVED = 1;
/** and the service wants the connections of one that was removed or quiesced to end (expire-quiescent of DPVS). */
export const STANDING_ENDING = 2;

/** Who keeps accounts of services and real servers. */
export interface Bookkeeper {
  forgetServer(server: RealServer, service: VirtualService): void;
  forgetService(service: VirtualService): void;
}

/**
 * All virtual services and real servers, by the positions that connections remember them by. Those that a new
 * configuration has no longer stay until their last connection is over, and are the same again when they come back.
 */
export class Directory {
  readonly #services = new Places<VirtualService>();
  readonly #servers = new Places<RealServer>();
  /** By position; undefined where the place is free. */
  readonly services = this.#services.things;
  readonly servers = this.#servers.things;
  /** By a real server's position. */
  readonly standing = new Uint8Array(PLACES);
  readonly pathMtus = new PathMtus();
  /** The services of the configuration, in its order. */
  current: readonly VirtualService[] = [];
  readonly #surroundings: ServiceSurroundings;
  /** Each service there is with its real servers, those that the configuration has no longer too. */
  readonly #known = new Map<VirtualService, Set<RealServer>>();

  constructor(surroundings: ServiceSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Whether a configuration finds places beside what it has no longer and has connections still. */
  hasRoomFor(configs: readonly ResolvedService[]): boolean {
    let services = configs.length;
    let servers = configs.reduce((sum, { realServers }) => sum + realServers.length, 0);
    const next = inverse(this.#recognize(configs));
    for (const service of this.#known.keys()) {
      const config = next.get(service);
      const listed = new Set(this.#recognizeServers(service, config).values());
      const leftOver = [...this.serversOf(service)].filter((each) => each.isInUse && !listed.has(each));
      servers += leftOver.length;
      if (config === undefined && leftOver.length > 0) services++;
    }
    return services <= PLACES && servers <= PLACES;
  }

  /**
   * Takes over a configuration: what it has no longer is removed, and forgotten where it has no connection; what it has
   * anew is added, the rest changed in place.
   */
  configure(configs: readonly ResolvedService[], bookkeeper: Bookkeeper): void {
    const recognized = this.#recognize(configs);
    const next = inverse(recognized);
    for (const service of this.#known.keys()) this.#removeServers(service, next.get(service));
    this.#sweep(next, bookkeeper);
    this.current = configs.map((config) => {
      const service = recognized.get(config);
      if (service === undefined) return this.#addService(config);
      service.configure(config);
      this.#configureServers(service, config);
      return service;
    });
  }

  /** Which of the services there are those of a configuration are; one that it has no longer may come back. */
  #recognize(configs: readonly ResolvedService[]): Map<ResolvedService, VirtualService> {
    const current = new Set(this.current);
    const former = [...this.#known.keys()].filter((service) => !current.has(service));
    return recognize(this.current, former, configs, pairServices);
  }

  /** The same of the real servers of a service; of none where the configuration has it no longer. */
  #recognizeServers(service: VirtualService, config?: ResolvedService): Map<ResolvedRealServer, RealServer> {
    const { realServers = [], port = [] } = config ?? {};
    const known = [...this.serversOf(service)];
    const available = known.filter((server) => server.available);
    const former = known.filter((server) => !server.available);
    return recognize(available, former, realServers, (before, after) => pairRealServers(before, after, port));
  }

  #addService(config: ResolvedService): VirtualService {
    const service = this.#services.add((index) => new VirtualService(config, index, this.#surroundings));
    this.#known.set(service, new Set());
    this.#configureServers(service, config);
    return service;
  }

  /** Removes the real servers that a service's configuration, if it has one still, has no longer. */
  #removeServers(service: VirtualService, config: ResolvedService | undefined): void {
    const listed = new Set(this.#recognizeServers(service, config).values());
    const { expireQuiescent } = config ?? service;
    for (const server of this.serversOf(service)) {
      if (listed.has(server)) continue;
      server.available = false;
      this.standing[server.index] = STANDING_REMOVED | (expireQuiescent ? STANDING_ENDING : 0);
    }
  }

  #configureServers(service: VirtualService, config: ResolvedService): void {
    const recognized = this.#recognizeServers(service, config);
    const servers = config.realServers.map((each) => {
      const found = recognized.get(each);
      const server = found ?? this.#servers.add((index) => new RealServer(index, each));
      this.#known.get(service)!.add(server);
      if (found !== undefined) found.configure(each);
      server.available = true;
      const quiesced = config.expireQuiescent && server.weight === 0;
      this.standing[server.index] = quiesced ? STANDING_ENDING : STANDING_SOUND;
      return server;
    });
    service.setRealServers(servers);
  }

  /** The real servers of a service, with removed ones that have connections. */
  serversOf(service: VirtualService): Iterable<RealServer> {
    return this.#known.get(service)!;
  }

  /** Forgets what is not in the configuration and has no connection left; tells before its position is free. */
  #sweep(next: ReadonlyMap<VirtualService, unknown>, bookkeeper: Bookkeeper): void {
    for (const [service, servers] of this.#known) {
      for (const server of servers) {
        if (server.available || server.isInUse) continue;
        bookkeeper.forgetServer(server, service);
        servers.delete(server);
        this.pathMtus.forget(server.index);
        this.#servers.remove(server.index);
      }
      if (servers.size > 0 || next.has(service)) continue;
      bookkeeper.forgetService(service);
      this.#known.delete(service);
      this.#services.remove(service.index);
    }
  }
}

/** Which thing each of a new configuration's is: one of the configuration, or one that only connections have still. */
function recognize<Config, Thing extends { readonly config: Config }>(
  current: readonly Thing[],
  former: readonly Thing[],
  next: readonly Config[],
  pair: (before: readonly Config[], after: readonly Config[]) => Pairs<Config>,
): Map<Config, Thing> {
  const found = new Map<Config, Thing>();
  for (const things of [current, former]) {
    const byConfig = new Map(things.map((thing) => [thing.config, thing]));
    const left = next.filter((config) => !found.has(config));
    for (const [config, before] of pair([...byConfig.keys()], left)) found.set(config, byConfig.get(before)!);
  }
  return found;
}

function inverse<Key, Value>(map: ReadonlyMap<Key, Value>): Map<Value, Key> {
  return new Map([...map].map(([key, value]) => [value, key]));
}
