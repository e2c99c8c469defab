import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { attach, getClientAddress } from '../../lib/index.js';

const CONNECTIONS = 1000;
const CALLS = 1_000_000;

/** What single calls cost, in nanoseconds. */
export type CallCosts = {
  /** `getClientAddress` of a connection that was recovered when it was accepted. */
  getClientAddress: number;
  /** All that attach() does for one accepted connection whose SYN was kept and has no option. */
  recover: number;
  /** For comparison: the first `socket.remoteAddress` of a connection without the receiver. */
  remoteAddress: number;
};

/** Measures the calls on a thousand fresh connections over loopback. */
export async function callCosts(): Promise<CallCosts> {
  const recover = await withConnections(true, (sockets, onConnection) => {
    const start = process.hrtime.bigint();
    for (const socket of sockets) onConnection(socket);
    return nanosecondsSince(start) / sockets.length;
  });
  const remoteAddress = await withConnections(false, (sockets) => {
    const start = process.hrtime.bigint();
    for (const socket of sockets) void socket.remoteAddress;
    return nanosecondsSince(start) / sockets.length;
  });
  const cached = await withConnections(true, (sockets, onConnection) => {
    for (const socket of sockets) onConnection(socket);
    let known = 0;
    const start = process.hrtime.bigint();
    for (let i = 0; i < CALLS; i++) known += getClientAddress(sockets[i % CONNECTIONS]!)!.port;
    const cost = nanosecondsSince(start) / CALLS;
    if (known === 0) throw new Error('getClientAddress found nothing');
    return cost;
  });
  return { getClientAddress: cached, recover, remoteAddress };
}

/**
 * Hands over accepted connections that nobody has looked at yet, and the listener that attach() would have called
 * for each: it is taken off the server, so that its calls can be timed without those of net.
 */
async function withConnections(
  attached: boolean,
  measure: (sockets: readonly Socket[], onConnection: (socket: Socket) => void) => number,
): Promise<number> {
  const server = createServer();
  if (attached) attach(server, { trust: 'private', required: true });
  const onConnection = server.listeners('connection')[0] as ((socket: Socket) => void) | undefined;
  server.removeAllListeners('connection');
  const accepted: Socket[] = [];
  server.on('connection', (socket: Socket) => accepted.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const clients = await open(server, CONNECTIONS);
  while (accepted.length < CONNECTIONS) await once(server, 'connection');
  try {
    return measure(accepted, onConnection ?? (() => {}));
  } finally {
    for (const socket of [...clients, ...accepted]) socket.destroy();
    server.close();
  }
}

/** A few at a time: an overflowing backlog would answer with SYN cookies, and no SYN is kept then. */
async function open(server: Server, count: number): Promise<Socket[]> {
  const { port } = server.address() as AddressInfo;
  const clients: Socket[] = [];
  while (clients.length < count) {
    const few = Array.from({ length: Math.min(50, count - clients.length) }, () =>
      connect(port, '127.0.0.1'),
    );
    await Promise.all(few.map((client) => once(client, 'connect')));
    clients.push(...few);
  }
  return clients;
}

function nanosecondsSince(start: bigint): number {
  return Number(process.hrtime.bigint() - start);
}
