import { fileURLToPath } from 'node:url';
import { addresses, macs } from '../laboratory.js';
import type { Peer } from './peer.js';

const swapper = fileURLToPath(new URL('../frame-swapper.js', import.meta.url));

/** What the kernel of the balancer's host would see is dropped, as `toa lb run` does for the addresses it holds. */
const shield = `
table netdev shield {
  chain front { type filter hook ingress device eth0 priority 0; policy drop; }
  chain back { type filter hook ingress device eth1 priority 0; policy drop; }
}
`;

/**
 * What no balancer on this packet I/O can pass: the same addon and links, frames handed from one to the other. The
 * server holds the VIP and both hosts know their neighbor by heart, since nobody answers ARP.
 */
export const ceiling: Peer = {
  name: 'ceiling',
  description: 'the same packet I/O with frames only swapped, no process()',
  perPacket: true,
  async start(laboratory) {
    const { client, balancer, server } = laboratory;
    client.ip('neighbor', 'replace', addresses.vip, 'lladdr', macs.front, 'dev', 'eth0');
    server.ip('neighbor', 'replace', addresses.back, 'lladdr', macs.back, 'dev', 'eth0');
    server.address('lo', `${addresses.vip}/32`);
    balancer.nft(shield);
    await laboratory.keep(balancer.start(process.execPath, [swapper])).line(/^swapping$/);
  },
};
