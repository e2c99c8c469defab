/** What the model of the balancer says by itself: answers to packets that go no further, and segments of its own. */
import { packet } from '../support/packet-builder.js';
import { INSIDE, MACS } from '../support/topology.js';
import {
  type Arrival,
  type IcmpErrorName,
  icmpError,
  type Out,
  ownSegment,
  type PlainPacket,
  resetFor,
  sizeOf,
  writePacket,
} from './balancer-packets.js';
import type { Memory } from './memory.js';
import type { Connection, Host } from './parties.js';
import { IPV6_MTU } from './translation.js';

/** Why a packet goes no further: what is answered then. @param mtu what it may have at most */
export function refusal(memory: Memory, arrival: Arrival, mtu = Number.POSITIVE_INFINITY): Out[] | undefined {
  const { plain } = arrival;
  if (plain.ttl <= 1) {
    memory.count('drop-ttl-expired');
    return answerError(memory, 'time-exceeded', arrival);
  }
  const { largest } = sizeOf(plain);
  if (largest <= mtu || !plain.dontFragment) return undefined;
  const ipv6 = plain.from.includes(':');
  if (ipv6 && largest <= IPV6_MTU) return undefined;
  memory.count('drop-too-big');
  return answerError(memory, 'too-big', arrival, ipv6 ? Math.max(mtu, IPV6_MTU) : mtu);
}

/** A packet that belongs to nothing. @param answered whether a segment gets a reset */
export function stray(memory: Memory, reason: string, arrival: Arrival, answered = true): Out[] {
  const { plain } = arrival;
  memory.count(reason);
  if (plain.protocol === 'udp') return answerError(memory, 'port-unreachable', arrival);
  if (plain.flags.includes('R') || !answered) return [];
  memory.count('answer-reset');
  return reply(arrival, resetFor(plain));
}

export function answerError(memory: Memory, name: IcmpErrorName, { link, frame }: Arrival, mtu = 0): Out[] {
  memory.count('answer-icmp-error');
  return [[link, icmpError(name, link, frame, mtu)]];
}

/** Back to the neighbor that a packet came from. */
export function reply({ link, frame }: Arrival, plain: PlainPacket): Out[] {
  const back = packet().ethernet({ from: MACS.balancer[link]!, to: frame.bytes.slice(6, 12) });
  return [[link, writePacket(back, plain)]];
}

/** A segment of the balancer's own. */
export function own(
  link: number,
  mac: string,
  from: Host,
  to: Host,
  segment: Parameters<typeof ownSegment>[2],
): Out[] {
  const below = packet().ethernet({ from: MACS.balancer[link]!, to: mac });
  return [[link, writePacket(below, ownSegment(from, to, segment))]];
}

/** The same to the real server of a connection. */
export function ownToServer(
  { local, server, serverPort }: Connection,
  segment: Parameters<typeof ownSegment>[2],
): Out[] {
  return own(INSIDE, server.mac, local, { address: server.address, port: serverPort }, segment);
}

export function resetServer(connection: Connection): Out[] {
  return ownToServer(connection, { flags: 'R', seq: connection.progress!.acknowledged });
}
