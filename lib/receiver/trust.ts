import { BlockList } from 'node:net';
import { ToaError } from '../errors.js';
import { type Endpoint, parseCidr } from '../net/address.js';

/**
 * Which peers may say who the client is: the balancers' addresses, for anybody who reaches the server can write a TCP option.
 * CIDR blocks or addresses; a `net.BlockList`; a function; `'private'` for {@link privateBlocks}; `true` for every peer, where
 * the network lets nobody but the balancers through.
 */
export type Trust = true | 'private' | string | readonly string[] | BlockList | ((peer: Endpoint) => boolean);

/** RFC 1918, shared address space (RFC 6598), loopback and link-local (RFC 3927), unique local (RFC 4193), and the same of IPv6. */
export const privateBlocks: readonly string[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
];

/** Whether to believe this peer. The peer's address is plain: IPv4 also on dual-stack listeners. */
export type TrustCheck = (peer: Endpoint) => boolean;

/** Throws ERR_TOA_TRUST_REQUIRED where nothing is given, ERR_TOA_TRUST where it is not understood. */
export function compileTrust(trust: Trust | undefined): TrustCheck {
  if (trust === undefined || trust === null || trust === '') {
    throw new ToaError(
      'ERR_TOA_TRUST_REQUIRED',
      'trust: given nothing, wanted the addresses of the balancers',
      {
        hint: "anybody who reaches the server can write a TCP option: pass CIDR blocks, 'private', a net.BlockList, a function, or true to believe every peer",
      },
    );
  }
  if (trust === true) return () => true;
  if (typeof trust === 'function') return guarded(trust);
  if (trust instanceof BlockList) return fromBlockList(trust);
  if (typeof trust === 'string') return remembering(fromBlockList(blockList(splitBlocks(trust))));
  if (Array.isArray(trust)) return remembering(fromBlockList(blockList(trust.flatMap(splitBlocks))));
  throw refusal(String(trust));
}

function splitBlocks(text: unknown): string[] {
  if (typeof text !== 'string') throw refusal(String(text));
  return text.split(',').map((block) => block.trim());
}

function blockList(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  if (blocks.length === 0) throw refusal('an empty list');
  for (const block of blocks.flatMap((name) => (name === 'private' ? privateBlocks : name))) {
    const cidr = parseCidr(block);
    if (!cidr || cidr.hostBits)
      throw refusal(`"${block}"`, cidr ? 'no bits set behind the prefix' : "CIDR blocks, or 'private'");
    list.addSubnet(block.split('/')[0]!, cidr.prefix, cidr.family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

function refusal(
  given: string,
  wanted = "CIDR blocks, 'private', a net.BlockList, a function, or true",
): ToaError {
  return new ToaError('ERR_TOA_TRUST', `trust: given ${given}, wanted ${wanted}`);
}

// Without the family, BlockList takes every address for IPv4 and answers false.
function fromBlockList(list: BlockList): TrustCheck {
  return ({ address, family }) => list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

const REMEMBERED = 1024;

/** Peers are few, the balancers' local addresses, and a look-up in a Map is cheaper than the list. Bounded against floods of others. */
function remembering(check: TrustCheck): TrustCheck {
  const verdicts = new Map<string, boolean>();
  return (peer) => {
    let verdict = verdicts.get(peer.address);
    if (verdict === undefined) {
      verdict = check(peer);
      if (verdicts.size >= REMEMBERED) verdicts.clear();
      verdicts.set(peer.address, verdict);
    }
    return verdict;
  };
}

/** Only `true` is trust: a promise would be truthy. A function that throws must not take the server down with it. */
function guarded(decide: (peer: Endpoint) => boolean): TrustCheck {
  let warned = false;
  return (peer) => {
    try {
      return decide(peer) === true;
    } catch (error) {
      if (!warned)
        process.emitWarning(`the trust function threw, the peer is not trusted: ${error}`, {
          code: 'WARN_TOA_TRUST',
        });
      warned = true;
      return false;
    }
  };
}
