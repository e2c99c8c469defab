/** Who the model of the balancer deals with. */
import type { ResolvedConfig, ResolvedService } from '../../lib/balancer/config/model.js';
import { MACS, type Topology } from '../support/topology.js';
import type { PlainPacket } from './balancer-packets.js';
import type { ProxyHeader } from './proxy-header.js';
import { type Protection, protectionOf } from './syn-protection.js';
import type { Handshake, Storm } from './syn-proxy.js';
import type { ModelState } from './tcp-states.js';
import type { Template } from './templates.js';

/** Milliseconds. */
export const TICK = 250;

const ACTIVE: readonly ModelState[] = ['established', 'synSent', 'synReceived', 'synAck'];

export interface Traffic {
  connections: number;
  packetsIn: number;
  packetsOut: number;
  bytesIn: number;
  bytesOut: number;
}

export function noTraffic(): Traffic {
  return { connections: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 };
}

export interface Server {
  readonly address: string;
  /** 0: the client's choice. */
  readonly port: number;
  readonly mac: string;
  /** The configuration has it. */
  present: boolean;
  /** It is told of in the statistics: for as long as it is present, or was in use when the configuration changed last. */
  listed: boolean;
  weight: number;
  active: number;
  inactive: number;
  /** Of the active ones, those that wait for the handshake's ACK. */
  halfOpen: number;
  /** With as many connections as the first it is overloaded, until it has less than the second; 0: none, three quarters. */
  thresholds: readonly [upper: number, lower: number];
  overloaded: boolean;
  traffic: Traffic;
}

export interface Service {
  readonly index: number;
  readonly config: ResolvedService;
  readonly servers: readonly Server[];
  /** Round robin: who was chosen last. */
  last: Server | undefined;
  readonly protection: Protection;
  /** The minute in which it answered a SYN last. */
  issued: number;
}

export interface Host {
  readonly address: string;
  readonly port: number;
}

export interface Connection {
  readonly key: string;
  /** As the real server's packets name it; none where they do not pass by. */
  readonly serverKey: string | undefined;
  readonly service: Service;
  readonly server: Server;
  readonly serverPort: number;
  readonly client: Host;
  readonly vip: Host;
  readonly local: Host;
  readonly template: Template | undefined;
  state: ModelState;
  /** In ticks. */
  expires: number;
  clientIsn: number;
  /** The number of the client's last SYN that went on to the real server and was another than the connection's. */
  laterSyn: number | undefined;
  /** Added to the client's sequence numbers, a PROXY header aside. */
  delta: number;
  /** Where its client shook hands with the balancer. */
  handshake: Handshake | undefined;
  readonly storm: Storm;
  /** What goes ahead of the client's first byte, once it was sent. */
  header: ProxyHeader | undefined;
  /** The number of the real server's first byte, when it is known. */
  firstByte: number | undefined;
  /** How far the real server is, when it was seen. */
  progress: { end: number; acknowledged: number } | undefined;
}

export function servicesOf(config: ResolvedConfig, topology: Topology): Service[] {
  return config.services.map((service, index) => ({
    index,
    config: service,
    last: undefined,
    protection: protectionOf(service.synProxy?.mode ?? 'off'),
    issued: Number.NEGATIVE_INFINITY,
    servers: service.realServers.map(({ address, port = 0, weight, upperThreshold, lowerThreshold }) => ({
      address,
      port,
      mac: MACS.server(topology.realServers.indexOf(address)),
      present: true,
      listed: true,
      weight,
      active: 0,
      inactive: 0,
      halfOpen: 0,
      thresholds: [upperThreshold, lowerThreshold] as const,
      overloaded: false,
      traffic: noTraffic(),
    })),
  }));
}

/** A connection in a state more or less. */
export function load(server: Server, state: ModelState, change: 1 | -1): void {
  if (ACTIVE.includes(state)) server.active += change;
  else server.inactive += change;
  if (state === 'synReceived') server.halfOpen += change;
}

/** A real server has another number of connections, or other thresholds. */
export function judge(server: Server): void {
  const [upper, lower] = server.thresholds;
  const connections = server.active + server.inactive;
  if (upper === 0) server.overloaded = false;
  else if (connections >= upper) server.overloaded = true;
  else if (connections < (lower === 0 ? (upper * 3) / 4 : lower)) server.overloaded = false;
}

export function keyOf({ protocol, from, fromPort, to, toPort }: PlainPacket): string {
  return `${protocol} ${from} ${fromPort} > ${to} ${toPort}`;
}

/** Sequence numbers go round. */
export function isBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}
