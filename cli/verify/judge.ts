import type { ObservedConnection, Reading, SegmentRole } from '../../lib/capture/index.js';
import { type Endpoint, formatEndpoint } from '../../lib/net/address.js';
import type { Loaded } from '../module/loaded.js';
import type { Recorded } from './kernel-view.js';
import type { Verdict } from './verdict.js';

/** What is known here of the side of a connection that the server's program sees. */
export interface OwnerSide extends Loaded {
  /** What the kernel module has written down. */
  readonly recorded: Recorded | undefined;
  /** Whether the connection was open when the kernel was asked. */
  readonly seen: boolean;
  /** Whether the listener's program keeps SYNs; undefined where that cannot be known. */
  readonly keepsSyn: () => boolean | undefined;
  /** Whether it was said on the command line whom to trust; else the module's settings say it, if it is loaded. */
  readonly trustGiven: boolean;
  /** Whether the module's settings accept the format of the option. */
  readonly acceptsFormat: (id: string) => boolean;
}

/** Compares what the wire carried with what the server's program gets. */
export function judge(wire: ObservedConnection, owner: OwnerSide): Verdict {
  const { recorded } = owner;
  if (recorded) return compare(wire, recorded.client);
  if (!wire.client) return withoutClient(wire);
  if (wire.trusted === false && owner.trustGiven) {
    return {
      verdict: 'direct',
      reason: `${wire.peer.address} is no balancer, and claims to bring ${text(wire.client)}: nobody must believe it`,
    };
  }
  if (owner.ours) return owner.seen ? missed(wire, owner, owner.ours) : gone;
  return withoutModule(wire, owner);
}

function compare({ client, peer }: ObservedConnection, recorded: Endpoint | undefined): Verdict {
  const found = recorded ? text(recorded) : 'no client';
  if (client && recorded && text(client) !== text(recorded)) {
    return {
      verdict: 'wrong',
      reason: `the module says ${found}, the wire said ${text(client)}`,
      remedy:
        'two options in one connection: see which with toa watch --odd; the balancer must remove what clients write',
    };
  }
  if (recorded?.family === 6 && peer.family === 4) {
    return {
      verdict: 'recovered',
      reason: `the module has ${found}; getpeername() of an IPv4 socket has no room for it, socket option 4096 tells it`,
    };
  }
  return { verdict: 'recovered', reason: `the module shows ${found}` };
}

function withoutClient({ trusted, peer, readings, complete }: ObservedConnection): Verdict {
  const refused = Object.values(readings).find(({ refusal }) => refusal !== 'none');
  const what = refused ? explain(refused) : 'wrote no option';
  if (trusted === false)
    return { verdict: 'direct', reason: `${peer.address} is no balancer: it is the client` };
  if (trusted === undefined) {
    return {
      verdict: 'unknown',
      reason: `${peer.address} ${what}: a client of its own, or a balancer that names none`,
      remedy: "say with --trust the balancers' addresses",
    };
  }
  if (!complete && !refused) {
    return {
      verdict: 'unknown',
      reason: 'the capture has missed segments',
      remedy: 'verify one port at a time',
    };
  }
  return {
    verdict: 'lost',
    reason: `the balancer ${peer.address} ${what}`,
    remedy: 'switch TOA on in the balancer for this service; look with toa watch what it writes',
  };
}

function explain({ refusal, kind, length }: Reading): string {
  return `wrote an option (kind ${kind}, length ${length}) that names no client: ${refusal}`;
}

const gone: Verdict = {
  verdict: 'unknown',
  reason: 'it ended before its socket could be looked at, or is of another network namespace',
  remedy: 'verify connections that last, or with --url and toa serve',
};

type Module = NonNullable<Loaded['ours']>;

/** The module is loaded, and has not taken the option. */
function missed(wire: ObservedConnection, owner: OwnerSide, module: Module): Verdict {
  const { peer, carriedBy, format } = wire;
  // A program with toakit in it asks the saved SYN where the module knows nothing.
  if (carriedBy.includes('syn') && owner.keepsSyn() !== false) return keptSyn;
  const lost = (reason: string, remedy: string): Verdict => ({ verdict: 'lost', reason, remedy });
  if (module.enabled === '0') {
    return lost('the kernel module is switched off', 'sysctl -w net.toa.enabled=1');
  }
  if (wire.trusted === false) {
    return lost(
      `the kernel module does not trust ${peer.address}`,
      'if that is a balancer, add it to net.toa.trusted (toa module status shows it)',
    );
  }
  if (!owner.acceptsFormat(format!)) {
    return lost(`the kernel module does not accept ${format}`, `add ${format} to net.toa.formats`);
  }
  if (!carriedBy.includes('ack') && !carriedBy.includes('data') && module.syn === '0') {
    return lost('only the SYN carried it, which the kernel module does not read', 'sysctl -w net.toa.syn=1');
  }
  if (carriedBy[0] === 'data') {
    return lost(
      'only the first data carried it, when the handshake was over',
      'have the balancer mark the ACK that ends the handshake',
    );
  }
  return lost('the kernel module has not taken it', 'look at the counters: toa status');
}

const keptSyn: Verdict = {
  verdict: 'unknown',
  reason:
    'the SYN carried it, and the listener may keep that for its program: what the program reads cannot be seen from here',
  remedy: 'ask the program (stats() of attach), or use --url with toa serve',
};

function withoutModule({ carriedBy, peer }: ObservedConnection, { others, keepsSyn }: OwnerSide): Verdict {
  if (others.length > 0) {
    return {
      verdict: 'unknown',
      reason: `another module is loaded, ${others.join(', ')}, which does not tell what it has found`,
      remedy: 'use --url with toa serve',
    };
  }
  if (carriedBy.includes('syn') && keepsSyn() !== false) return keptSyn;
  const install = `toa module install --trusted ${peer.address}, then toa module load`;
  return carriedBy.includes('syn')
    ? {
        verdict: 'lost',
        reason: 'nobody reads it: no kernel module is loaded, and the listener keeps no SYNs',
        remedy: `${install}; a Node.js program can use attach() instead`,
      }
    : {
        verdict: 'lost',
        reason: `only the ${carriedBy.map((role) => segmentNames[role]).join(' and the ')} carried it, and no kernel module is loaded`,
        remedy: install,
      };
}

const segmentNames: Readonly<Record<SegmentRole, string>> = {
  syn: 'SYN',
  ack: 'handshake ACK',
  data: 'first data',
};

const text = ({ address, port }: Endpoint) => formatEndpoint(address, port);
