import type { Namespace } from '../../cli/namespaces/namespace.js';
import type { Laboratory } from '../balancer/laboratory.js';

/**
 * The frames so far that the kernel has dropped between the client and the server's listener, as the interfaces on
 * the way count them: those that found a processor's backlog full, too.
 */
export function interfaceDrops({ balancer, server }: Laboratory): number {
  return droppedAt(balancer) + droppedAt(server);
}

function droppedAt(namespace: Namespace): number {
  const [link] = JSON.parse(namespace.ip('-j', '-s', 'link', 'show', 'eth0')) as {
    stats64: { rx: { dropped: number } };
  }[];
  return link!.stats64.rx.dropped;
}
