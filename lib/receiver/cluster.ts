import cluster from 'node:cluster';
import { readdirSync } from 'node:fs';
import type { NativeAddon } from '../native.js';
import { receiverNative } from './support.js';

const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;

/**
 * Under round robin, Node's default, the primary listens and cluster workers have no listening socket that could be told to
 * keep the SYN. So in a primary that has loaded toakit, each listener is told when a worker reports that it listens.
 * Node does not show these sockets to programs; they are found among the process's file descriptors.
 */
export function keepSynsForClusterWorkers(): void {
  if (!cluster.isPrimary) return;
  cluster.on('listening', () => {
    const native = receiverNative();
    if (native) keepSynsOfAllListeners(native);
  });
}

function keepSynsOfAllListeners(native: NativeAddon): void {
  const isListening = new Uint8Array(4);
  for (const fd of openFileDescriptors()) {
    const result = native.getSocketOption(fd, SOL_SOCKET, SO_ACCEPTCONN, isListening);
    // Other listeners, those of Unix sockets say, refuse and are left alone.
    if (result > 0 && isListening.some((byte) => byte !== 0)) native.setSaveSyn(fd, 1);
  }
}

function openFileDescriptors(): number[] {
  try {
    return readdirSync('/proc/self/fd').map(Number);
  } catch {
    return []; // no /proc, or no descriptor left to read it with: not worth the server's life
  }
}
