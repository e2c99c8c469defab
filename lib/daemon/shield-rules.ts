import { formatAddress, type ParsedAddress, parseAddress } from '../net/address.js';

/**
 * The chains of nftables that keep the host's own stack from seeing what is the balancer's: IP to its addresses, ARP
 * and neighbor solicitations for them. Packet sockets are served before this hook, so the balancer still sees it all.
 * @param interfaces the interfaces the balancer listens on
 * @param addresses VIPs and local addresses, IPv4 and IPv6
 */
export function shieldRules(interfaces: readonly string[], addresses: readonly string[]): string {
  const parsed = addresses.map(parseAddress).filter((address) => address !== undefined);
  const ipv4 = texts(parsed, 4);
  const ipv6 = texts(parsed, 6);
  const rules = [
    // Frames of VLANs pass here on their way to a sub-interface, which has its own shield if it is ours.
    'ether type { 8021q, 8021ad } accept',
    ...(ipv4.length === 0 ? [] : [`ip daddr ${set(ipv4)} drop`, `arp daddr ip ${set(ipv4)} drop`]),
    ...(ipv6.length === 0
      ? []
      : // The solicitation's target; nft knows it by name from 1.0.7 on only.
        [
          `ip6 daddr ${set(ipv6)} drop`,
          `icmpv6 type nd-neighbor-solicit @th,64,128 ${set(numbers(parsed))} drop`,
        ]),
  ];
  const chains = interfaces.map(
    (device, index) => `  chain link${index} {
    type filter hook ingress device "${device}" priority -500; policy accept;
    ${rules.join('\n    ')}
  }`,
  );
  return chains.join('\n');
}

const set = (elements: readonly string[]) => `{ ${elements.join(', ')} }`;

const texts = (addresses: readonly ParsedAddress[], family: 4 | 6) => [
  ...new Set(
    addresses.filter((each) => each.family === family).map(({ bytes }) => formatAddress(bytes, 0, family)),
  ),
];

const numbers = (addresses: readonly ParsedAddress[]) => [
  ...new Set(
    addresses
      .filter(({ family }) => family === 6)
      .map(({ bytes }) => `0x${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`),
  ),
];
