import { SPOOFED_NETWORKS } from '../../../test/support/spoofed-segments.js';
import { addresses } from '../../balancer/laboratory.js';
import { routing } from '../../balancer/peers/routing.js';
import { interfaceDrops } from '../drops.js';
import type { SynProxyPeer } from './peer.js';

/** No SYN proxy at all: the flood goes through a router to the server, whose kernel answers every SYN with a cookie. */
export const listener: SynProxyPeer = {
  name: 'listener',
  description: "the server's own listener with SYN cookies, plain routing",
  async start(laboratory) {
    await routing.start(laboratory);
    laboratory.balancer.route(SPOOFED_NETWORKS[4], { via: addresses.client });
    laboratory.server.sysctl({ 'net/ipv4/tcp_syncookies': 2 });
    return () => interfaceDrops(laboratory);
  },
};
