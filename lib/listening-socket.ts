import { native } from './native.js';

// Of asm-generic/socket.h, the same on all machines that Node has Linux builds for.
const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const SO_PROTOCOL = 38;
const IPPROTO_TCP = 6;

/** Whether a file descriptor is a listening TCP socket. False for anything else, closed ones and without the addon included. */
export function isListeningTcp(fd: number): boolean {
  return socketOption(fd, SO_PROTOCOL) === IPPROTO_TCP && socketOption(fd, SO_ACCEPTCONN) === 1;
}

function socketOption(fd: number, name: number): number | undefined {
  const value = new Int32Array(1);
  const length = native()?.getSocketOption(fd, SOL_SOCKET, name, new Uint8Array(value.buffer));
  return length === value.byteLength ? value[0] : undefined;
}
