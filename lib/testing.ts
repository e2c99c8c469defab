/** For tests of programs that use toakit: connections come from where the test says, without a balancer and without the addon. */
import type { Server, Socket } from 'node:net';
import { ToaError } from './errors.js';
import { type Endpoint, formatEndpoint, parseEndpoint, plainEndpoint } from './net/address.js';
import {
  type ClientAddressTarget,
  getClientAddress,
  rawSocket,
  setClientAddress,
} from './receiver/client-address.js';
import { isIpv6Socket, tcpHandle } from './receiver/node-internals.js';
import { overridePeerName } from './receiver/override.js';

/** A client: `203.0.113.7:51514`, `[2001:db8::7]:51514`, or its parts. */
export type ClientLike = string | { readonly address: string; readonly port: number };

export interface Injection {
  /** Ends it: further connections come from where they really come from. */
  restore(): void;
  [Symbol.dispose](): void;
}

/**
 * Makes every further connection of a server come from this client, as if a trusted balancer had said so: `getClientAddress`
 * tells it and `remoteAddress` shows it. It wins over what an attached receiver finds. A function chooses for each connection.
 * Throws ERR_TOA_ADDRESS where the client is not understood.
 */
export function injectServerClients(server: Server, client: ClientLike | (() => ClientLike)): Injection {
  const choose = typeof client === 'function' ? client : () => client;
  if (typeof client !== 'function') parseClient(client);
  const onConnection = (socket: Socket) => injectClientAddress(socket, choose());
  server.prependListener('connection', onConnection);
  const restore = () => void server.off('connection', onConnection);
  return { restore, [Symbol.dispose]: restore };
}

/**
 * The same for one socket, request or session, also a made-up one. Throws ERR_TOA_ADDRESS where the client is not understood.
 */
export function injectClientAddress(target: ClientAddressTarget, client: ClientLike): void {
  const { address, port, family } = parseClient(client);
  const known = getClientAddress(target);
  const peer = known?.peer ?? { address, port, family };
  setClientAddress(target, { address, port, family, source: 'toa', peer });
  const socket = rawSocket(target);
  const handle = tcpHandle(socket);
  if (handle) overridePeerName(socket, handle, { address, port, family }, isIpv6Socket(handle));
}

function parseClient(client: ClientLike): Endpoint {
  const text = typeof client === 'string' ? client : formatEndpoint(client.address, client.port);
  const parsed = parseEndpoint(text);
  if (!parsed) {
    throw new ToaError(
      'ERR_TOA_ADDRESS',
      `client: given "${text}", wanted 203.0.113.7:51514 or [2001:db8::7]:51514`,
    );
  }
  return plainEndpoint(parsed.address, parsed.port);
}
