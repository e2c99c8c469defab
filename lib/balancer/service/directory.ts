import type { ResolvedService } from '../config/model.js';
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
  /** The services of the configuration, in its order. */
  current: readonly VirtualService[] = [];
  readonly #surroundings: ServiceSurroundings;
  /** The real servers of each service, removed ones too. */
  readonly #serversOf = new Map<VirtualService, RealServer[]>();

  constructor(surroundings: ServiceSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Whether so many new services and real servers find places beside those that have connections still. */
  hasRoomFor(configs: readonly ResolvedService[]): boolean {
    const servers = configs.reduce((sum, { realServers }) => sum + realServers.length, 0);
    const taken = (places: readonly unknown[]): number =>
      places.filter((place) => place !== undefined).length;
    return taken(this.services) + configs.length <= PLACES && taken(this.servers) + servers <= PLACES;
  }

  /** Takes over a configuration: what it has no longer is removed, what it has anew added, the rest changed in place. */
  configure(configs: readonly ResolvedService[]): void {
    const known = new Map(this.services.flatMap((each) => (each ? [[each.identity, each] as const] : [])));
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
    this.#serversOf.set(service, []);
    return service;
  }

  #configureServers(service: VirtualService, config: ResolvedService | undefined): void {
    const known = this.#serversOf.get(service)!;
    const current = (config?.realServers ?? []).map((each) => {
      const found = known.find((server) => server.isAt(each));
      if (found !== undefined) {
        found.configure(each);
        return found;
      }
      const index = freePlace(this.servers);
      const server = new RealServer(index, each);
      this.servers[index] = server;
      known.push(server);
      return server;
    });
    for (const server of known) {
      server.available = current.includes(server);
      const quiesced = config?.expireQuiescent === true && server.weight === 0;
      this.standing[server.index] = server.available
        ? quiesced
          ? STANDING_QUIESCED
          : STANDING_SOUND
        : STANDING_REMOVED;
    }
    service.setRealServers(current);
  }

  /** The real servers of a service, with removed ones that have connections. */
  serversOf(service: VirtualService): readonly RealServer[] {
    return this.#serversOf.get(service)!;
  }

  /**
   * Forgets what is not in the configuration and has no connection left.
   * @param farewell called with each real server, and its service, before its position is free
   */
  sweep(farewell: (server: RealServer, service: VirtualService) => void): void {
    for (const service of this.services) {
      if (service === undefined) continue;
      const servers = this.#serversOf.get(service)!;
      const kept = servers.filter((server) => server.available || server.isInUse);
      for (const server of servers) {
        if (kept.includes(server)) continue;
        farewell(server, service);
        this.servers[server.index] = undefined;
      }
      this.#serversOf.set(service, kept);
      if (kept.length > 0 || this.current.includes(service)) continue;
      this.services[service.index] = undefined;
      this.#serversOf.delete(service);
    }
  }
}

function freePlace(places: readonly unknown[]): number {
  const free = places.indexOf(undefined);
  return free === -1 ? places.length : free;
}
