import type { Peer } from '../../balancer/peers/peer.js';

/** Something that answers SYNs before the server hears of them. */
export type SynProxyPeer = Omit<Peer, 'perPacket'>;
