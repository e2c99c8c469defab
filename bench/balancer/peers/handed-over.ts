import type { RunningProcess } from '../../../cli/namespaces/process.js';
import { addresses, type Laboratory, macs } from '../laboratory.js';

/** What the kernel of the balancer's host would see is dropped, as `toa lb run` does for the addresses it holds. */
const shield = `
table netdev shield {
  chain front { type filter hook ingress device eth0 priority 0; policy drop; }
  chain back { type filter hook ingress device eth1 priority 0; policy drop; }
}
`;

/**
 * Starts a program in the balancer's namespace that hands frames from one link to the other, until it says `word`. The server
 * holds the VIP and both hosts know their neighbor by heart, since nobody answers ARP.
 */
export async function startHandingOver(
  laboratory: Laboratory,
  start: (balancer: Laboratory['balancer']) => RunningProcess,
  word: RegExp,
): Promise<void> {
  const { client, balancer, server } = laboratory;
  client.ip('neighbor', 'replace', addresses.vip, 'lladdr', macs.front, 'dev', 'eth0');
  server.ip('neighbor', 'replace', addresses.back, 'lladdr', macs.back, 'dev', 'eth0');
  server.address('lo', `${addresses.vip}/32`);
  balancer.nft(shield);
  await laboratory.keep(start(balancer)).line(word);
}
