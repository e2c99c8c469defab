import { addresses } from '../laboratory.js';
import type { Peer } from './peer.js';

/** The kernel's forwarding alone: the server holds the VIP, nothing is translated. */
export const routing: Peer = {
  name: 'routing',
  description: 'plain routing by the kernel, nothing translated',
  perPacket: true,
  start({ client, balancer, server }) {
    server.address('lo', `${addresses.vip}/32`);
    client.route(`${addresses.vip}/32`, { via: addresses.front });
    balancer.route(`${addresses.vip}/32`, { via: addresses.server });
    balancer.sysctl({ 'net/ipv4/ip_forward': 1 });
  },
};
