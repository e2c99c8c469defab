import cluster from 'node:cluster';
import { subscribe } from 'node:diagnostics_channel';
import type { Server } from 'node:net';
import { listeningFd } from './node-internals.js';
import { receiverNative } from './support.js';

/** Where Node tells, as soon as listen(2) has returned, of every server of net that listens, its own ones included. */
const LISTENS = 'tracing:net.server.listen:asyncEnd';

/**
 * Under round robin, Node's default, the primary listens and cluster workers have no listening socket that could be told to
 * keep the SYN. So in a primary that has loaded toakit, the listeners that it opens once it has workers are told.
 */
export function keepSynsForClusterWorkers(): void {
  if (cluster.isPrimary) subscribe(LISTENS, (message) => keepSyns((message as { server: Server }).server));
}

function keepSyns(server: Server): void {
  if (Object.keys(cluster.workers ?? {}).length === 0) return;
  const fd = listeningFd(server);
  // Other listeners, those of Unix sockets say, refuse and are left alone.
  if (fd !== undefined) receiverNative()?.setSaveSyn(fd, 1);
}
