import type { Server, Socket } from 'node:net';
import {
  connectionChannel,
  getClientAddress,
  type MissingMessage,
  missingChannel,
  type UntrustedMessage,
  untrustedChannel,
} from '../../lib/index.js';
import { type Endpoint, plainEndpoint } from '../../lib/net/address.js';
import { readLoaded } from '../module/loaded.js';
import { System } from '../module/system.js';

/**
 * What became of a connection's client: known by the option, or why not. `missing`: a trusted peer wrote none that this receiver
 * could see; `noSyn`: no SYN was kept, because of SYN cookies; `direct`: a peer that is not trusted, and named nobody.
 */
export type Reason = 'recovered' | 'missing' | 'noSyn' | 'malformed' | 'untrusted' | 'direct';

/** What `toa serve` tells of a connection, to its client and on its own standard output. */
export interface ConnectionReport {
  readonly event: 'connection';
  /** ISO 8601. */
  readonly time: string;
  readonly reason: Reason;
  /** The client: told by the option, else the peer. */
  readonly client: Endpoint;
  readonly via: 'module' | 'saved-syn' | null;
  readonly peer: Endpoint;
  readonly local: Endpoint;
  /** The virtual service that the client had called, where the option tells it. */
  readonly vip: Endpoint | null;
  /** Whom a peer that is not trusted named. */
  readonly claimed: Endpoint | null;
  /** Whether the kernel module is loaded; it reads the ACK that ends the handshake, the saved SYN is asked after it. */
  readonly module: boolean;
}

type Judgment = Pick<ConnectionReport, 'reason' | 'claimed'>;

const system = new System();

/** Listens to the receiver of one server, which says what it finds before the server has the connection. */
export class Judgments {
  readonly #server: Server;
  readonly #judgments = new WeakMap<Socket, Judgment>();

  constructor(server: Server) {
    this.#server = server;
    connectionChannel.subscribe(({ server, socket }) => this.#note(server, socket, 'recovered'));
    missingChannel.subscribe(({ server, socket, reason }: MissingMessage) => {
      if (reason !== 'gone') this.#note(server, socket, reason);
    });
    untrustedChannel.subscribe(({ server, socket, claimed }: UntrustedMessage) =>
      this.#note(server, socket, 'untrusted', claimed),
    );
  }

  /** Undefined where the client was gone before the connection was accepted. */
  report(socket: Socket): ConnectionReport | undefined {
    const found = getClientAddress(socket);
    const { localAddress, localPort } = socket;
    if (!found || localAddress === undefined || localPort === undefined) return undefined;
    const { reason, claimed } = this.#judgments.get(socket) ?? { reason: 'direct', claimed: null };
    return {
      event: 'connection',
      time: new Date().toISOString(),
      reason,
      client: plain(found),
      via: found.via ?? null,
      peer: found.peer,
      local: plainEndpoint(localAddress, localPort),
      vip: found.vip ?? null,
      claimed,
      module: readLoaded(system).ours !== undefined,
    };
  }

  #note(server: Server, socket: Socket, reason: Reason, claimed: Endpoint | null = null): void {
    if (server === this.#server) this.#judgments.set(socket, { reason, claimed });
  }
}

const plain = ({ address, port, family }: Endpoint): Endpoint => ({ address, port, family });
