import { realServerIdentity, serviceIdentity } from '../config/identity.js';
import type { ResolvedService } from '../config/model.js';
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
  readonly #known = new Map<string, VirtualService>();
  /** The real servers of each service by their identity, removed ones too. */
  readonly #serversOf = new Map<VirtualService, Map<string, RealServer>>();

  constructor(surroundings: ServiceSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Whether a configuration finds places beside what it has no longer and has connections still. */
  hasRoomFor(configs: readonly ResolvedService[]): boolean {
    let services = configs.length;
    let servers = configs.reduce((sum, { realServers }) => sum + realServers.length, 0);
    const next = new Map(configs.map((config) => [serviceIdentity(config), config]));
    for (const [identity, service] of this.#known) {
      const kept = next.get(identity);
      const listed = new Set(kept?.realServers.map(realServerIdentity));
      const leftOver = [...this.serversOf(service)].filter(
        (each) => each.isInUse && !listed.has(each.identity),
      );
      servers += leftOver.length;
      if (kept === undefined && leftOver.length > 0) services++;
    }
    return services <= PLACES && servers <= PLACES;
  }

  /**
   * Takes over a configuration: what it has no longer is removed, and forgotten where it has no connection; what it has
   * anew is added, the rest changed in place.
   */
  configure(configs: readonly ResolvedService[], bookkeeper: Bookkeeper): void {
    const next = new Map(configs.map((config) => [serviceIdentity(config), config]));
    for (const [identity, service] of this.#known) this.#removeServers(service, next.get(identity));
    this.#sweep(new Set(next.keys()), bookkeeper);
    this.current = [...next].map(([identity, config]) => {
      const service = this.#known.get(identity);
      if (service === undefined) return this.#addService(identity, config);
      service.configure(config);
      this.#configureServers(service, config);
      return service;
    });
  }

  #addService(identity: string, config: ResolvedService): VirtualService {
    const service = this.#services.add((index) => new VirtualService(config, index, this.#surroundings));
    this.#known.set(identity, service);
    this.#serversOf.set(service, new Map());
    this.#configureServers(service, config);
    return service;
  }

  /** Removes the real servers that a service's configuration, if it has one still, has no longer. */
  #removeServers(service: VirtualService, config: ResolvedService | undefined): void {
    const listed = new Set(config?.realServers.map(realServerIdentity));
    const { expireQuiescent } = config ?? service;
    for (const [identity, server] of this.#serversOf.get(service)!) {
      if (listed.has(identity)) continue;
      server.available = false;
      this.standing[server.index] = STANDING_REMOVED | (expireQuiescent ? STANDING_ENDING : 0);
    }
  }

  #configureServers(service: VirtualService, config: ResolvedService): void {
    const known = this.#serversOf.get(service)!;
    const servers = config.realServers.map((each) => {
      const identity = realServerIdentity(each);
      const found = known.get(identity);
      const server = found ?? this.#servers.add((index) => new RealServer(index, each));
      known.set(identity, server);
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
    return this.#serversOf.get(service)!.values();
  }

  /** Forgets what is not in the configuration and has no connection left; tells before its position is free. */
  #sweep(next: ReadonlySet<string>, bookkeeper: Bookkeeper): void {
    for (const [key, service] of this.#known) {
      const servers = this.#serversOf.get(service)!;
      for (const [identity, server] of servers) {
        if (server.available || server.isInUse) continue;
        bookkeeper.forgetServer(server, service);
        servers.delete(identity);
        this.pathMtus.forget(server.index);
        this.#servers.remove(server.index);
      }
      if (servers.size > 0 || next.has(key)) continue;
      bookkeeper.forgetService(service);
      this.#serversOf.delete(service);
      this.#known.delete(key);
      this.#services.remove(service.index);
    }
  }
}
