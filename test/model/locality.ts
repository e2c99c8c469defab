/** lblc and lblcr as their authors describe them, with a list for each address and a clock that ticks every minute. */
import { type LoadedServer, leastModel } from './least-loaded.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

export interface LocalServer extends LoadedServer {
  readonly available: boolean;
}

interface Known<Server> {
  servers: Server[];
  lastUse: number;
  lastChange: number;
}

export class LocalityModel<Server extends LocalServer> {
  readonly #replicated: boolean;
  readonly #known = new Map<string, Known<Server>>();
  #minutes = 0;

  constructor(replicated: boolean) {
    this.#replicated = replicated;
  }

  /** The clock begins at 0. */
  schedule(servers: readonly Server[], address: string, now: number): Server | undefined {
    while ((this.#minutes + 1) * MINUTE <= now) this.#tick();
    const known = this.#known.get(address);
    if (known) known.lastUse = now;
    const own = known && (this.#replicated ? this.#leastOf(known, now) : this.#first(known));
    const overloaded =
      own !== undefined &&
      own.active > own.weight &&
      servers.some((server) => server.active < server.weight / 2);
    if (own !== undefined && !overloaded) return own;
    const server = leastModel('wlc', servers, 'kernel');
    if (server === undefined) return undefined;
    if (known === undefined) this.#known.set(address, { servers: [server], lastUse: now, lastChange: now });
    else if (!this.#replicated) known.servers = [server];
    else if (!known.servers.includes(server)) {
      known.servers = [server, ...known.servers];
      known.lastChange = now;
    }
    return server;
  }

  #first({ servers: [server] }: Known<Server>): Server | undefined {
    return server?.available && server.weight > 0 ? server : undefined;
  }

  #leastOf(known: Known<Server>, now: number): Server | undefined {
    const available = known.servers.filter((server) => server.available);
    const least = leastModel('wlc', available, 'kernel');
    if (known.servers.length > 1 && now - known.lastChange > DAY) {
      const load = (server: Server) => (257 * server.active + server.inactive) / server.weight;
      const weighted = known.servers.filter((server) => server.weight > 0);
      const most = weighted.find((server) => weighted.every((other) => load(server) >= load(other)));
      if (most !== undefined) {
        known.servers = known.servers.filter((server) => server !== most);
        known.lastChange = now;
      }
    }
    return least;
  }

  #tick(): void {
    this.#minutes++;
    if (this.#minutes % 30 !== 0) return;
    for (const [address, { lastUse }] of this.#known) {
      if (this.#minutes * MINUTE - lastUse >= DAY) this.#known.delete(address);
    }
  }
}
