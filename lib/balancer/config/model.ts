import type { FormatId } from '../../toa/index.js';

/** The balancer's configuration as a person writes it; JSON. What is left out has the default named here (see defaults.ts). */
export interface BalancerConfig {
  readonly links: readonly LinkConfig[];
  readonly routes?: readonly RouteConfig[];
  readonly services: readonly ServiceConfig[];
  readonly settings?: SettingsConfig;
}

export interface LinkConfig {
  /** What routes call it. */
  readonly name: string;
  /** The network interface that the daemon opens; default: the name. */
  readonly interface?: string;
}

/** The longest prefix wins. */
export interface RouteConfig {
  /** A CIDR; bits behind the prefix are cleared. Everything: `0.0.0.0/0`, `::/0`. */
  readonly to: string;
  readonly link: string;
  /** The next hop; without it the destinations are neighbors on the link. */
  readonly via?: string;
  /**
   * What ARP requests and neighbor solicitations for the route's next hops come from; default: a VIP or local address
   * in their network, else any of the family.
   */
  readonly source?: string;
  /** Bytes of an IP packet, 68..65535 (IPv6: 1280..65535); the link's where that is less, or without it. */
  readonly mtu?: number;
}

export interface ServiceConfig {
  /** For people; default: `address:port`. */
  readonly name?: string;
  readonly protocol?: 'tcp';
  /** The VIP. Local addresses and real servers are of the same family. */
  readonly address: string;
  readonly port: number;
  readonly mode: ForwardingMode;
  readonly scheduler: SchedulerName;
  /** Where connections to real servers come from; at least one. */
  readonly localAddresses: readonly string[];
  /** First and last local port; default 5000 to 65535. */
  readonly localPorts?: readonly [first: number, last: number];
  readonly toa?: ToaConfig;
  readonly timeouts?: TimeoutsConfig;
  readonly realServers: readonly RealServerConfig[];
}

export interface RealServerConfig {
  readonly address: string;
  readonly port: number;
  /** 0..65535, default 1; 0 gets no new connections. */
  readonly weight?: number;
}

export interface ToaConfig {
  /** The segments that carry the option; default `['ack']`: the handshake ACK and early data. Empty: none. */
  readonly on?: readonly ToaSegment[];
  /** Default: `toa-v4` or `toa-v6` by the service's family. */
  readonly format?: FormatId;
  /** Keep an option that the client sent, for a balancer behind a balancer; default false: it is stripped. */
  readonly cascade?: boolean;
  /** What makes room in a full header: drop all but protected options (the default), nothing, or all options. */
  readonly prune?: PruneMode;
}

/** Seconds, 1..86400. */
export type TimeoutsConfig = { readonly [State in TimeoutName]?: number };

export interface SettingsConfig {
  /** What a segment of no known connection gets; default `reset`. */
  readonly strayAck?: 'reset' | 'drop';
  /** Room in the connection table, 1..4194304. */
  readonly maxConnections?: number;
  /** Reset both ends of an established connection that expires; default true. */
  readonly resetOnExpiry?: boolean;
}

export const forwardingModes = ['fullnat'] as const;
export const schedulerNames = [
  'rr',
  'wrr',
  'lc',
  'wlc',
  'lblc',
  'lblcr',
  'dh',
  'sh',
  'sed',
  'nq',
  'mh',
  'fo',
  'ovf',
  'twos',
] as const;
export const schedulerFlags = ['sh-port', 'sh-fallback', 'mh-port', 'mh-fallback'] as const;
/** The flags that each scheduler takes; those not named here take none. */
export const acceptedFlags: Readonly<Partial<Record<SchedulerName, readonly SchedulerFlag[]>>> = {
  sh: ['sh-port', 'sh-fallback'],
  mh: ['mh-port', 'mh-fallback'],
};
/** Whose generation of hashes, overheads and list order: Linux 6.12, Alibaba's LVS (2.6.32), DPVS 1.10. */
export const profiles = ['kernel', 'alibaba', 'dpvs'] as const;
export const toaSegments = ['syn', 'ack'] as const;
export const pruneModes = ['protected', 'none', 'strip-all'] as const;

export type ForwardingMode = (typeof forwardingModes)[number];
export type SchedulerName = (typeof schedulerNames)[number];
export type SchedulerFlag = (typeof schedulerFlags)[number];
export type Profile = (typeof profiles)[number];
export type ToaSegment = (typeof toaSegments)[number];
export type PruneMode = (typeof pruneModes)[number];
export type TimeoutName =
  | 'established'
  | 'synSent'
  | 'synReceived'
  | 'finWait'
  | 'timeWait'
  | 'close'
  | 'closeWait'
  | 'lastAck';

/** A sound configuration with every default filled in and every address in canonical text. It is itself a {@link BalancerConfig}. */
export interface ResolvedConfig {
  readonly links: readonly Required<LinkConfig>[];
  readonly routes: readonly RouteConfig[];
  readonly services: readonly ResolvedService[];
  readonly settings: Required<SettingsConfig>;
}

export interface ResolvedService extends Required<ServiceConfig> {
  readonly toa: Required<ToaConfig>;
  readonly timeouts: Readonly<Record<TimeoutName, number>>;
  readonly realServers: readonly Required<RealServerConfig>[];
}
