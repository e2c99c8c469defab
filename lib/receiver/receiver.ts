import type { Server, Socket } from 'node:net';
import { type Endpoint, plainEndpoint } from '../net/address.js';
import { fromPeer, knownClientAddress, setClientAddress } from './client-address.js';
import { connectionChannel, missingChannel, untrustedChannel } from './diagnostics.js';
import { isIpv6Socket, type TcpHandle, tcpHandle } from './node-internals.js';
import { overridePeerName } from './override.js';
import type { Finding, Source } from './source.js';
import { noConnections, type Outcome, type ReceiverStats } from './stats.js';
import type { TrustCheck } from './trust.js';

/** Finds out whose connection it is, once for each that a server accepts, before the server's own listeners see it. */
export class Receiver {
  readonly #server: Server;
  readonly #trust: TrustCheck;
  readonly #sources: readonly Source[];
  readonly #override: boolean;
  readonly #counts = noConnections();
  #listensOnIpv6: boolean | undefined;

  constructor(server: Server, trust: TrustCheck, sources: readonly Source[], override: boolean) {
    this.#server = server;
    this.#trust = trust;
    this.#sources = sources;
    this.#override = override;
  }

  get stats(): ReceiverStats {
    return { ...this.#counts };
  }

  /** The server listens, perhaps again and elsewhere. */
  onListening(): void {
    const address = this.#server.address();
    this.#listensOnIpv6 = typeof address === 'object' ? address?.family === 'IPv6' : undefined;
  }

  onConnection(socket: Socket): void {
    // Known already where another server has handed the connection on, or a test has set its address.
    if (knownClientAddress(socket)) return;
    const handle = tcpHandle(socket);
    if (!handle) return;
    const finding = this.#ask(handle.fd);
    const peer = finding?.peer ?? peerOf(socket);
    const outcome = this.#judge(finding, peer);
    this.#counts[outcome] += 1;
    if (finding) this.#counts.duplicates += finding.duplicates;
    if (outcome === 'module' || outcome === 'savedSyn') this.#believe(socket, handle, finding!);
    else this.#showPeer(socket, finding, peer, outcome);
  }

  #ask(fd: number): Finding | undefined {
    for (const source of this.#sources) {
      const finding = source.ask(fd);
      if (finding) return finding;
    }
    return undefined;
  }

  #judge(finding: Finding | undefined, peer: Endpoint | undefined): Outcome {
    if (!peer) return 'gone';
    if (!this.#trust(peer)) return finding?.client ? 'untrusted' : 'direct';
    if (!finding) return 'noSyn';
    if (finding.malformed) return 'malformed';
    if (!finding.client) return 'missing';
    return finding.via === 'module' ? 'module' : 'savedSyn';
  }

  #believe(socket: Socket, handle: TcpHandle, { via, peer, client, vip }: Finding): void {
    const { address, port, family } = client!;
    const known = { address, port, family, source: 'toa', via, peer, ...(vip && { vip }) } as const;
    setClientAddress(socket, known);
    if (this.#override) overridePeerName(socket, handle, known, this.#isIpv6(socket, handle, peer));
    if (connectionChannel.hasSubscribers) {
      connectionChannel.publish({ server: this.#server, socket, client: known });
    }
  }

  #showPeer(
    socket: Socket,
    finding: Finding | undefined,
    peer: Endpoint | undefined,
    outcome: Exclude<Outcome, 'module' | 'savedSyn'>,
  ): void {
    const server = this.#server;
    if (peer) setClientAddress(socket, fromPeer(peer, outcome === 'missing' ? finding?.vip : undefined));
    if (outcome === 'untrusted') {
      if (untrustedChannel.hasSubscribers) {
        untrustedChannel.publish({ server, socket, peer: peer!, claimed: finding!.client! });
      }
    } else if (outcome !== 'direct' && missingChannel.hasSubscribers) {
      missingChannel.publish({ server, socket, peer, reason: outcome });
    }
  }

  /** Whether this is an IPv6 socket: it is if the peer's address is; with an IPv4 peer it depends on the listener. */
  #isIpv6(socket: Socket, handle: TcpHandle, peer: Endpoint): boolean {
    if (peer.family === 6) return true;
    const { server } = socket as Socket & { server?: Server };
    if (server === this.#server && this.#listensOnIpv6 !== undefined) return this.#listensOnIpv6;
    return isIpv6Socket(handle);
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): Endpoint | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return plainEndpoint(remoteAddress, remotePort);
}
