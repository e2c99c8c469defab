import type { Server, Socket } from 'node:net';

/** What libuv fills in for getpeername and getsockname. */
export interface SocketName {
  address?: string;
  port?: number;
  family?: string;
}

/** A TCP handle of Node's, as far as it is used here: the same in Node 20 to 26. Pipes have no getpeername. */
export interface TcpHandle {
  readonly fd: number;
  getpeername(out: SocketName): number;
  getsockname(out: SocketName): number;
}

/** The TCP handle with a file descriptor behind a socket; undefined for pipes, closed sockets and streams in disguise. */
export function tcpHandle(socket: Socket): TcpHandle | undefined {
  const handle = (socket as unknown as { _handle?: Partial<TcpHandle> | null })._handle;
  if (typeof handle?.getpeername !== 'function' || !(handle.fd! >= 0)) return undefined;
  return handle as TcpHandle;
}

/** Whether it is an IPv6 socket, which an IPv4 client may be connected to nevertheless. */
export function isIpv6Socket(handle: TcpHandle): boolean {
  const own: SocketName = {};
  handle.getsockname(own);
  return own.family === 'IPv6';
}

/** The listening file descriptor. A cluster worker under round robin has none: its primary listens. */
export function listeningFd(server: Server): number | undefined {
  const fd = (server as unknown as { _handle?: { fd?: number } | null })._handle?.fd;
  return fd !== undefined && fd >= 0 ? fd : undefined;
}

/** Makes the socket forget the peer's name that it has cached, so that the handle is asked again. */
export function forgetPeerName(socket: Socket): void {
  (socket as unknown as { _peername?: SocketName | undefined })._peername = undefined;
}
