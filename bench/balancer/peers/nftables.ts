import { addresses } from '../laboratory.js';
import type { Peer } from './peer.js';

const ruleset = `
table ip nat {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip daddr ${addresses.vip} dnat to ${addresses.server};
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip daddr ${addresses.server} snat to ${addresses.local};
  }
}
`;

/** The kernel's own FULLNAT: destination and source translated by conntrack. */
export const nftables: Peer = {
  name: 'nftables',
  description: 'nftables DNAT + SNAT in the kernel',
  perPacket: true,
  start({ balancer }) {
    balancer.address('eth0', `${addresses.vip}/32`);
    balancer.address('eth1', `${addresses.local}/32`);
    balancer.nft(ruleset);
    balancer.sysctl({
      'net/ipv4/ip_forward': 1,
      // The load of small packets repeats one segment; conntrack must not judge it.
      'net/netfilter/nf_conntrack_tcp_be_liberal': 1,
    });
  },
};
