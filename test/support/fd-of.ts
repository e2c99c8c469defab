import type { Server, Socket } from 'node:net';

/** The file descriptor of a listening server or a connected socket. */
export function fdOf(of: Server | Socket): number {
  return (of as unknown as { _handle: { fd: number } })._handle.fd;
}
