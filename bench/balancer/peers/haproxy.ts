import { haproxy as startHaproxy } from '../haproxy.js';
import { addresses, type Laboratory, ports } from '../laboratory.js';
import type { Peer } from './peer.js';

const listener = (port: number) => `
listen port-${port}
  bind ${addresses.vip}:${port}
  server server ${addresses.server}:${port}
`;

const configuration = `
global
  nbthread 2
defaults
  mode tcp
  timeout connect 60s
  timeout client 60s
  timeout server 60s
${Object.values(ports).map(listener).join('')}`;

/** A proxy in user space that ends the client's connections and opens its own. */
export const haproxy: Peer = {
  name: 'haproxy',
  description: 'HAProxy, mode tcp, two threads',
  perPacket: false,
  start(laboratory: Laboratory) {
    laboratory.balancer.address('eth0', `${addresses.vip}/32`);
    laboratory.keep(startHaproxy(laboratory.balancer, configuration));
  },
};
