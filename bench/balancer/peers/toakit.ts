import { join } from 'node:path';
import type { BalancerConfig } from '../../../lib/balancer/index.js';
import { packageRoot } from '../../../lib/native.js';
import { addresses, ports } from '../laboratory.js';
import type { Peer } from './peer.js';

const config: BalancerConfig = {
  links: [
    { name: 'front', interface: 'eth0' },
    { name: 'back', interface: 'eth1' },
  ],
  routes: [
    { to: '10.81.0.0/24', link: 'front' },
    { to: '10.82.0.0/24', link: 'back' },
  ],
  services: Object.values(ports).map((port) => ({
    address: addresses.vip,
    port,
    mode: 'fullnat',
    scheduler: 'rr',
    localAddresses: [addresses.local],
    realServers: [{ address: addresses.server, port }],
  })),
};

/** Ours: FULLNAT with the option, as `toa lb run` does it. */
export const toakit: Peer = {
  name: 'toakit',
  description: 'toa lb run, FULLNAT with TOA on the handshake ACK',
  perPacket: true,
  async start(laboratory) {
    const command = join(packageRoot, 'dist', 'cli', 'main.js');
    const running = laboratory.balancer.start(process.execPath, [command, 'lb', 'run', '-c', '-']);
    running.stdin.end(JSON.stringify(config));
    await laboratory.keep(running).line(/ready/);
  },
};
