import type { ResolvedService } from '../config/model.js';
import { PathMtus } from './path-mtus.js';
import { RealServer } from './real-server.js';
import { type ServiceSurroundings, VirtualService } from './virtual-service.js';

/** Positions in a connection's record have 16 bits. */
const PLACES = 65_536;

/** What becomes of a packet whose connection has this real server: it is forwarded, */
export const STANDING_SOUND = 0;
/** the server was removed, */
export const STANDING_REMOVED = 1;
/** or quiesced, and its service wants such connections to end. */
export const STANDING_QUIESCED = 2;

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
  /** By position; undefined where the place is free. */
  readonly services: (VirtualService | undefined)[] = [];
  readonly servers: (RealServer | undefined)[] = [];
  /** By a real server's position. */
  readonly standing = new Uint8Array(PLACES);
  readonly pathMtus = new PathMtus();
  /** The services of the configuration, in its order. */
  current: readonly VirtualService[] = [];
  readonly #surroundings: ServiceSurroundings;
  /** The real servers of each service by their identity, removed ones too. */
  readonly #serversOf = new Map<VirtualService, Map<string, RealServer>>();

  constructor(surroundings: ServiceSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Whether what is new in a configuration finds places beside what has connections still. */
  hasRoomFor(configs: readonly ResolvedService[]): boolean {
    const known = this.#byIdentity();
    let services = known.size;
    let servers = this.servers.reduce((count, server) => count + (server === undefined ? 0 : 1), 0);
    for (const config of configs) {
      const service = known.get(VirtualService.identityOf(config));
      if (service === undefined) services++;
      const present = service && this.#serversOf.get(service);
      for (const server of config.realServers) {
        if (present?.has(RealServer.identityOf(server)) !== true) servers++;
      }
    }
    return services <= PLACES && servers <= PLACES;
  }

  /** Takes over a configuration: what it has no longer is removed, what it has anew added, the rest changed in place. */
  configure(configs: readonly ResolvedService[]): void {
    const known = this.#byIdentity();
    const current: VirtualService[] = [];
    for (const config of configs) {
      const found = known.get(VirtualService.identityOf(config));
      const service = found ?? this.#addService(config);
      if (found !== undefined) found.configure(config);
      current.push(service);
      this.#configureServers(service, config);
    }
    for (const service of this.services) {
      if (service !== undefined && !current.includes(service)) this.#configureServers(service, undefined);
    }
    this.current = current;
  }

  #addService(config: ResolvedService): VirtualService {
    const index = freePlace(this.services);
    const service = new VirtualService(config, index, this.#surroundings);
    this.services[index] = service;
    this.#serversOf.set(service, new Map());
    return service;
  }

  #configureServers(service: VirtualService, config: ResolvedService | undefined): void {
    const known = this.#serversOf.get(service)!;
    const current = (config?.realServers ?? []).map((each) => {
      const identity = RealServer.identityOf(each);
      const found = known.get(identity);
      if (found !== undefined) {
        found.configure(each);
        return found;
      }
      const index = freePlace(this.servers);
      const server = new RealServer(index, each);
      this.servers[index] = server;
      this.pathMtus.forget(index);
      known.set(identity, server);
      return server;
    });
    const listed = new Set(current);
    for (const server of known.values()) {
      server.available = listed.has(server);
      const quiesced = config?.expireQuiescent === true && server.weight === 0;
      const sound = quiesced ? STANDING_QUIESCED : STANDING_SOUND;
      this.standing[server.index] = server.available ? sound : STANDING_REMOVED;
    }
    service.setRealServers(current);
  }

  /** The real servers of a service, with removed ones that have connections. */
  serversOf(service: VirtualService): Iterable<RealServer> {
    return this.#serversOf.get(service)!.values();
  }

  /** Forgets what is not in the configuration and has no connection left; tells before its position is free. */
  sweep(bookkeeper: Bookkeeper): void {
    for (const service of this.services) {
      if (service === undefined) continue;
      const servers = this.#serversOf.get(service)!;
      for (const [identity, server] of servers) {
        if (server.available || server.isInUse) continue;
        bookkeeper.forgetServer(server, service);
        servers.delete(identity);
        this.servers[server.index] = undefined;
      }
      if (servers.size > 0 || this.current.includes(service)) continue;
      bookkeeper.forgetService(service);
      this.#serversOf.delete(service);
      this.services[service.index] = undefined;
    }
  }

  #byIdentity(): Map<string, VirtualService> {
    const known = new Map<string, VirtualService>();
    for (const service of this.services) if (service !== undefined) known.set(service.identity, service);
    return known;
  }
}

function freePlace(places: readonly unknown[]): number {
  const free = places.indexOf(undefined);
  return free === -1 ? places.length : free;
}
