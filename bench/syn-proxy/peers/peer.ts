import type { Laboratory } from '../../balancer/laboratory.js';
import type { Peer } from '../../balancer/peers/peer.js';

/** Something that answers SYNs before the server hears of them. */
export interface SynProxyPeer extends Pick<Peer, 'name' | 'description'> {
  /** Makes the VIP lead to the server. @returns what tells how many frames the kernel has dropped so far */
  start(laboratory: Laboratory): Promise<() => number | Promise<number>>;
}
