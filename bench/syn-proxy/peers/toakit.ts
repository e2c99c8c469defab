import { askCounters } from '../../../test/support/ask-counters.js';
import { startToakit } from '../../balancer/peers/toakit.js';
import { interfaceDrops } from '../drops.js';
import type { SynProxyPeer } from './peer.js';

/** Ours. */
export const toakit: SynProxyPeer = {
  name: 'toakit',
  description: 'toa lb run, FULLNAT with SYN proxy and TOA on the handshake ACK',
  async start(laboratory) {
    const running = await startToakit(laboratory, { synProxy: {} });
    return async () => {
      const counters = Object.entries(await askCounters(running));
      const overflows = counters.filter(([name]) => name.endsWith('.receiveOverflow'));
      return overflows.reduce((sum, [, count]) => sum + count, interfaceDrops(laboratory));
    };
  },
};
