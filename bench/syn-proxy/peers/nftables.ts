import { SPOOFED_NETWORKS } from '../../../test/support/spoofed-segments.js';
import { addresses } from '../../balancer/laboratory.js';
import { routing } from '../../balancer/peers/routing.js';
import { interfaceDrops } from '../drops.js';
import type { SynProxyPeer } from './peer.js';

/** Handshakes are none of conntrack's business before the cookie has come back; what it does not know then is dropped. */
const ruleset = `
table ip cookies {
  chain prerouting {
    type filter hook prerouting priority raw;
    ip daddr ${addresses.vip} tcp flags & (fin | syn | rst | ack) == syn notrack;
  }
  chain forward {
    type filter hook forward priority filter;
    ip daddr ${addresses.vip} ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm;
    ct state invalid drop;
  }
}
`;

/** The kernel's SYN proxy on a router: it shakes hands, and translates no address. */
export const nftables: SynProxyPeer = {
  name: 'nftables',
  description: 'nftables synproxy in the kernel, plain routing',
  async start(laboratory) {
    const { balancer } = laboratory;
    await routing.start(laboratory);
    balancer.route(SPOOFED_NETWORKS[4], { via: addresses.client });
    balancer.nft(ruleset);
    // An ACK that conntrack has seen no SYN of is invalid, and so the SYN proxy's.
    balancer.sysctl({ 'net/netfilter/nf_conntrack_tcp_loose': 0 });
    return () => interfaceDrops(laboratory);
  },
};
