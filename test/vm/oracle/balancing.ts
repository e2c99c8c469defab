/** What both sides of the comparison are told and asked: Linux's IPVS, and our balancer. */
import type { SchedulerFlag, SchedulerName } from '../../../lib/balancer/config/index.js';
import { IPV4, IPV6, type Topology } from '../../support/topology.js';
import { PROTOCOL } from '../../support/wire.js';

/** A virtual service in NAT mode. */
export interface ServiceUnderTest {
  readonly protocol: 'tcp' | 'udp';
  readonly scheduler: SchedulerName;
  readonly flags: readonly SchedulerFlag[];
  readonly family: 4 | 6;
  readonly port: number;
  /** Whether it is at all the addresses of a network (for IPVS by a firewall mark), or at one VIP. */
  readonly isWide: boolean;
  /** How many leading bits of a client's address its real server is remembered by; undefined where by none. */
  readonly persistence?: number | undefined;
}

/** The service in words. */
export function serviceText({ scheduler, flags, persistence, protocol, family }: ServiceUnderTest): string {
  const persistent = persistence === undefined ? [] : [`persistent /${persistence}`];
  const udp = protocol === 'udp' ? ['UDP'] : [];
  return `${[scheduler, ...flags, ...persistent, ...udp].join(' ')}, IPv${family}`;
}

/** How a real server takes part; it is named by a number. */
export interface Joining {
  readonly kind: 'add' | 'edit';
  readonly server: number;
  readonly weight: number;
  /** Thresholds, 0 for none. */
  readonly upper: number;
  readonly lower: number;
}

/** What an administrator does to a service's list. */
export type Change = Joining | { readonly kind: 'remove'; readonly server: number };

/** A TCP segment of a connection, or a UDP datagram. */
export interface Segment {
  readonly fromServer: boolean;
  /** Letters, as in `FA`; none in a datagram. */
  readonly flags: string;
  readonly client: string;
  readonly clientPort: number;
  /** How many connections the client had from this port before: each has sequence numbers of its own. */
  readonly before: number;
  /** What the client connected to. */
  readonly destination: string;
  /** The real server's number; -1 before there is one. */
  readonly server: number;
}

/** A packet that came out, from its IP header on, and the link that it left by. */
export interface Passed {
  readonly link: number;
  readonly packet: Uint8Array;
}

/** A real server in the list, with the connections that it has as the schedulers count them. */
export interface Load {
  readonly server: number;
  readonly weight: number;
  readonly active: number;
  readonly inactive: number;
}

/** One of the two balancers, with one service that has no real servers yet. */
export interface Balancing {
  change(change: Change): void;
  /** Puts a frame in; answers what comes out, one packet at most. */
  pass(link: number, frame: Uint8Array): Passed | undefined;
  /** In the order of the list. */
  loads(): Load[];
}

/** Seconds: no run takes so long. */
export const DAY = 86_400;

/** The networks of destinations of a wide service. */
export const WIDE = { 4: '198.18.0.0/15', 6: '2001:db8:2000::/36' } as const;

/** `n` from 0 to 65535: one of the destinations of a wide service. */
export function wideDestination(family: 4 | 6, n: number): string {
  return family === 4
    ? `198.${18 + (n & 1)}.${(n >>> 1) & 255}.${n >>> 9}`
    : `2001:db8:2${(n & 0xfff).toString(16).padStart(3, '0')}::${((n >>> 4) + 1).toString(16)}`;
}

export function topologyOf(family: 4 | 6): Topology {
  return family === 4 ? IPV4 : IPV6;
}

/**
 * Where the real servers listen. By a firewall mark and with persistence Linux keeps the port that a client asked for,
 * whatever a real server's is; a service of ours asks the real server's, so that the two must be the same here.
 */
export function serverPortOf({ family, isWide, persistence, port }: ServiceUnderTest): number {
  return isWide && persistence !== undefined ? port : topologyOf(family).serverPort;
}

/** The last octet of real server 0. */
const FIRST_SERVER = 100;

/** The address of a real server, 0 to 99. */
export function serverAddress(family: 4 | 6, server: number): string {
  const octet = FIRST_SERVER + server;
  return family === 4 ? `10.0.0.${octet}` : `fd00::${octet.toString(16)}`;
}

/** The real server whose address ends so. */
export function serverOfOctet(octet: number): number {
  return octet - FIRST_SERVER;
}

const ETHERNET = 14;

/** Whether a frame is of a connection, or an ICMP error: anything else is a balancer's own talk with its neighbors. */
export function isPassed(frame: Uint8Array): boolean {
  const etherType = (frame[12]! << 8) | frame[13]!;
  if (etherType !== 0x0800 && etherType !== 0x86dd) return false;
  const packet = frame.subarray(ETHERNET);
  if (isForwarded(packet)) return true;
  return etherType === 0x0800
    ? packet[9] === PROTOCOL.icmp
    : packet[6] === PROTOCOL.icmpv6 && packet[40]! < 128;
}

/** Whether a packet is of a connection. */
export function isForwarded(packet: Uint8Array): boolean {
  const protocol = packet[packet[0]! >> 4 === 4 ? 9 : 6];
  return protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp;
}

/** The real server that a packet on the inner link goes to. */
export function serverOf(packet: Uint8Array): number {
  return serverOfOctet(packet[packet[0]! >> 4 === 4 ? 19 : 39]!);
}
