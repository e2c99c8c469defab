import type { Socket } from 'node:net';
import type { Endpoint } from '../net/address.js';
import { forgetPeerName, type SocketName, type TcpHandle } from './node-internals.js';

/**
 * Makes `socket.remoteAddress`, `remotePort` and `remoteFamily` show the client, and with them everything that reads these.
 * It is done on the raw TCP handle, because TLS and HTTP/2 sockets ask that one too.
 * On an IPv6 socket an IPv4 client is shown as `::ffff:a.b.c.d`, exactly as Node would without a balancer between.
 */
export function overridePeerName(
  socket: Socket,
  handle: TcpHandle,
  client: Endpoint,
  socketIsIpv6: boolean,
): void {
  const mapped = socketIsIpv6 && client.family === 4;
  const address = mapped ? `::ffff:${client.address}` : client.address;
  const family = socketIsIpv6 || client.family === 6 ? 'IPv6' : 'IPv4';
  handle.getpeername = (out: SocketName) => {
    out.address = address;
    out.port = client.port;
    out.family = family;
    return 0;
  };
  // Reading it makes the socket cache it, so that it is known when the connection is closed too.
  if (socket.remoteAddress === address) return;
  forgetPeerName(socket); // somebody had read the balancer's address before
  void socket.remoteAddress;
}
