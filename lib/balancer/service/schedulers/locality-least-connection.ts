import type { RealServer } from '../real-server.js';
import type { Destination } from './destination-table.js';
import { Locality } from './locality.js';

interface ServedDestination extends Destination {
  server: RealServer;
}

/** `lblc`: an address has one real server (ip_vs_lblc.c). */
export class LocalityLeastConnection extends Locality<ServedDestination> {
  protected remember(address: Int32Array, server: RealServer, now: number): ServedDestination {
    return { address, lastUse: now, server };
  }

  /** Its threshold is not looked at, as in the kernel: an address stays where it is. */
  protected serverOf({ server }: ServedDestination): RealServer | undefined {
    return server.available && server.weight > 0 ? server : undefined;
  }

  protected assign(known: ServedDestination, server: RealServer): void {
    known.server = server;
  }
}
