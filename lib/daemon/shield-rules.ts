import { Blocks } from '../balancer/config/blocks.js';
import { type Family, formatAddress, type ParsedCidr, parseCidr } from '../net/address.js';
import type { AnswerSource, Shielded } from './shielded.js';

/**
 * The chains of nftables that keep the host's own stack from seeing what is the balancer's: IP to its addresses, ARP
 * and neighbor solicitations for them, and what NAT's real servers answer to clients, while what they send to the host
 * itself passes. Packet sockets are served before this hook, so the balancer still sees it all.
 * @param interfaces the interfaces the balancer listens on
 * @throws TypeError for what is neither an address nor a CIDR
 */
export function shieldRules(interfaces: readonly string[], { addresses, answers }: Shielded): string {
  const blocks = outermost(addresses);
  const ipv4 = blocks.filter(({ family }) => family === 4);
  const ipv6 = blocks.filter(({ family }) => family === 6);
  const rules = [
    // Frames of VLANs pass here on their way to a sub-interface, which has its own shield if it is ours.
    'ether type { 8021q, 8021ad } accept',
    ...dropAny('ip daddr', ipv4.map(text)),
    ...dropAny('arp daddr ip', ipv4.map(text)),
    ...dropAny('ip6 daddr', ipv6.map(text)),
    // The solicitation's target; nft knows it by name from 1.0.7 on only.
    ...dropAny('icmpv6 type nd-neighbor-solicit @th,64,128', ipv6.map(numbers)),
    ...answerRules(answers),
  ];
  const chains = interfaces.map(
    (device, index) => `  chain link${index} {
    type filter hook ingress device "${device}" priority -500; policy accept;
    ${rules.join('\n    ')}
  }`,
  );
  return chains.join('\n');
}

function answerRules(answers: readonly AnswerSource[]): string[] {
  return (['tcp', 'udp'] as const).flatMap((protocol) =>
    (['ip', 'ip6'] as const).flatMap((ip) => {
      const sources = answers.filter(
        (each) => each.protocol === protocol && each.address.includes(':') === (ip === 'ip6'),
      );
      const elements = sources.flatMap(({ address, ports }) =>
        ports.map(({ first, last }) => `${address} . ${first === last ? first : `${first}-${last}`}`),
      );
      const toOthers = 'fib daddr type != { local, broadcast, multicast, anycast }';
      return dropAny(`${ip} saddr . ${protocol} sport`, elements, ` ${toOthers}`);
    }),
  );
}

/** A rule that drops what is in a set; none where the set is empty, which nft has no words for. */
function dropAny(what: string, elements: readonly string[], condition = ''): string[] {
  return elements.length === 0 ? [] : [`${what} { ${elements.join(', ')} }${condition} drop`];
}

/** Blocks that are in no other, each once: the elements of a set of intervals must not meet. */
function outermost(addresses: readonly string[]): ParsedCidr[] {
  const parsed = addresses.map((address) => {
    const block = parseCidr(address);
    if (block === undefined) throw new TypeError(`${address} is neither an address nor a CIDR`);
    return block;
  });
  const texts = [...new Set(parsed.map(text))];
  const blocks = new Blocks<string>();
  for (const each of texts) blocks.add(each, each);
  return texts.filter((each) => blocks.around(each).length === 1).map((each) => parseCidr(each)!);
}

const bitsOf = (family: Family) => (family === 4 ? 32 : 128);

/** As nft writes it: `192.0.2.0/24`, and an address without a prefix. */
function text({ bytes, family, prefix }: ParsedCidr): string {
  const address = formatAddress(bytes, 0, family);
  return prefix === bitsOf(family) ? address : `${address}/${prefix}`;
}

/** The addresses of an IPv6 block as 128-bit numbers: one, or the first and the last. */
function numbers({ bytes, prefix }: ParsedCidr): string {
  const first = BigInt(`0x${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`);
  const last = first | ((1n << BigInt(128 - prefix)) - 1n);
  return first === last ? hex(first) : `${hex(first)}-${hex(last)}`;
}

const hex = (number: bigint) => `0x${number.toString(16).padStart(32, '0')}`;
