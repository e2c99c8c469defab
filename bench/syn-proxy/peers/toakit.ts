import { startToakit } from '../../balancer/peers/toakit.js';
import type { SynProxyPeer } from './peer.js';

/** Ours. */
export const toakit: SynProxyPeer = {
  name: 'toakit',
  description: 'toa lb run, FULLNAT with SYN proxy and TOA on the handshake ACK',
  async start(laboratory) {
    await startToakit(laboratory, { synProxy: {} });
  },
};
