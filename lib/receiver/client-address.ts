import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest, Http2Session, Http2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { type Endpoint, type Family, plainEndpoint } from '../net/address.js';

/** Where a connection comes from. Addresses are plain: an IPv4 client is `203.0.113.7`, on dual-stack listeners too. */
export interface ClientAddress {
  readonly address: string;
  /** 0 where the option's format carries no port. */
  readonly port: number;
  readonly family: Family;
  /** `toa`: a trusted balancer said so. `peer`: the address that the connection itself has. */
  readonly source: 'toa' | 'peer';
  /** Who had seen the option: the receiver in the kernel, or the SYN that the listener had kept. */
  readonly via?: 'module' | 'saved-syn';
  /** The other end of the TCP connection: the balancer, or the client itself where there is none. */
  readonly peer: Endpoint;
  /** The virtual service that the client had called, where the balancer tells it. */
  readonly vip?: Endpoint;
}

/** What stands for a connection: sockets, requests (of Express, Koa and Fastify too), HTTP/2 sessions and streams. */
export type ClientAddressTarget =
  | Socket
  | IncomingMessage
  | Http2ServerRequest
  | Http2Session
  | Http2Stream
  | { readonly socket: Socket };

// A property on the socket costs less per connection than a WeakMap, which the collector must walk.
const client: unique symbol = Symbol('toakit.client');

interface Carrier {
  [client]?: ClientAddress;
  readonly socket?: Carrier;
  readonly session?: Carrier;
  readonly stream?: Carrier;
  readonly _parent?: Carrier;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
}

/**
 * The address of the client behind a connection: of a Socket, TLSSocket, IncomingMessage, Http2ServerRequest or Http2Session.
 * Where no option was received, or toakit is not attached, it is the peer's with `source: 'peer'`.
 * Undefined where nothing is known: the client had reset the connection before it was accepted, or a socket that was
 * never asked is closed. Never throws.
 */
export function getClientAddress(target: ClientAddressTarget): ClientAddress | undefined {
  try {
    const carrier = target as Carrier;
    return carrier[client] ?? findClient(carrier);
  } catch {
    return undefined; // a getter of a session that has lost its socket throws
  }
}

/** Writes down whose connection this is. */
export function setClientAddress(target: ClientAddressTarget, address: ClientAddress): void {
  (target as Carrier)[client] = address;
}

/** The client that was written down on this very object. */
export function knownClientAddress(target: ClientAddressTarget): ClientAddress | undefined {
  return (target as Carrier)[client];
}

/** The TCP socket below: of a request, a session, a TLSSocket. */
export function rawSocket(target: ClientAddressTarget): Socket {
  const carrier = target as Carrier;
  const socket = socketOf(carrier);
  return (socket._parent ?? socket) as Socket;
}

function socketOf(carrier: Carrier): Carrier {
  return carrier.session?.socket ?? carrier.socket ?? carrier;
}

function findClient(carrier: Carrier): ClientAddress | undefined {
  const known = carrier.stream?.[client] ?? carrier.session?.[client];
  if (known) return known;
  const socket = socketOf(carrier);
  // A TLSSocket keeps the raw socket below it as _parent.
  return socket[client] ?? socket._parent?.[client] ?? peerAddress(socket);
}

function peerAddress({ remoteAddress, remotePort = 0 }: Carrier): ClientAddress | undefined {
  return remoteAddress === undefined ? undefined : fromPeer(plainEndpoint(remoteAddress, remotePort));
}

/** The answer where nobody but the connection itself tells who the client is. */
export function fromPeer(peer: Endpoint, vip?: Endpoint): ClientAddress {
  const known = {
    address: peer.address,
    port: peer.port,
    family: peer.family,
    source: 'peer',
    peer,
  } as const;
  return vip ? { ...known, vip } : known;
}
