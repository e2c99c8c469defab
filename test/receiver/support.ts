import { once } from 'node:events';
import type { ListenOptions, Server, Socket } from 'node:net';
import net from 'node:net';
import type { TestContext } from 'node:test';
import type { Attachment, AttachOptions } from '../../lib/index.js';
import { attach } from '../../lib/index.js';
import type { InjectedConnection, InjectedConnectionOptions } from '../support/injected-connection.js';
import { parseHostPort } from '../support/injected-connection.js';
import { Injector } from '../support/injector.js';
import { SERVER } from '../support/private-network.js';
import { tcpOption } from '../support/tcp-segment.js';

/** The balancers' local addresses: where injected connections come from. */
export const balancers = '10.9.1.0/24, fd00:9:1::/64';

/** The option of `toa-v4` or `toa-v6` that names this client. */
export function toa(client: string, kind = 254): Uint8Array {
  return tcpOption.toa(parseHostPort(client), kind);
}

/** Listens, on 10.9.0.1 unless told otherwise, and tells the port. The server is closed when the test ends. */
export async function listen(t: TestContext, server: Server, options: ListenOptions = {}): Promise<number> {
  server.listen({ port: 0, host: SERVER.ipv4, ...options });
  t.after(() => server.close());
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

export function openInjector(t: TestContext): Injector {
  const injector = new Injector();
  t.after(() => injector.close());
  return injector;
}

export interface Accepted {
  readonly socket: Socket;
  readonly attachment: Attachment;
  readonly connection: InjectedConnection;
}

/** A net server with toakit attached, and one connection to it. */
export async function acceptOne(
  t: TestContext,
  how: InjectedConnectionOptions & { attach?: Partial<AttachOptions>; listen?: ListenOptions; to?: string },
): Promise<Accepted> {
  const server = net.createServer();
  const attachment = attach(server, { trust: balancers, ...how.attach });
  const port = await listen(t, server, how.listen);
  const connection = openInjector(t).connect(`${how.to ?? SERVER.ipv4}:${port}`, how);
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.after(() => socket.destroy());
  return { socket, attachment, connection };
}
