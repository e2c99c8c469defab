import { join } from 'node:path';
import type { RunningProcess } from '../../../cli/namespaces/process.js';
import type { BalancerConfig, ServiceConfig } from '../../../lib/balancer/index.js';
import { packageRoot } from '../../../lib/native.js';
import { addresses, type Laboratory, ports } from '../laboratory.js';
import type { Peer } from './peer.js';

const config = (more: Partial<ServiceConfig>): BalancerConfig => ({
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
    ...more,
  })),
});

/** Runs `toa lb run` in the balancer's namespace with services that have so much more, until it is ready. */
export async function startToakit(
  laboratory: Laboratory,
  more: Partial<ServiceConfig> = {},
): Promise<RunningProcess> {
  const command = join(packageRoot, 'dist', 'cli', 'main.js');
  const args = [command, 'lb', 'run', '-c', '-', '--json'];
  const running = laboratory.keep(laboratory.balancer.start(process.execPath, args));
  running.stdin.end(JSON.stringify(config(more)));
  await running.line(/^ready/);
  return running;
}

/** Ours: FULLNAT with the option, as `toa lb run` does it. */
export const toakit: Peer = {
  name: 'toakit',
  description: 'toa lb run, FULLNAT with TOA on the handshake ACK',
  perPacket: true,
  async start(laboratory) {
    await startToakit(laboratory);
  },
};
