import type { FormatId } from '../../toa/index.js';
import type { State } from '../connection/state.js';

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
  /**
   * Addresses of the balancer's own on this link, besides VIPs and local addresses, default none: for NAT the gateway
   * that real servers answer through. They are answered for on this link alone, and are where requests for its
   * neighbors come from.
   */
  readonly addresses?: readonly string[];
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
  /** For people; default: the first address and port, `203.0.113.10:80`, or `203.0.113.10:53/udp`. */
  readonly name?: string;
  /** Default `tcp`. */
  readonly protocol?: Protocol;
  /**
   * The VIP; or several, or CIDRs whose addresses are all VIPs; of one family. Real servers and local addresses are of
   * the same family, but for FULLNAT from IPv6 to IPv4 (NAT64, TCP only) and for TUN, whose outer header may be of the
   * other. Services of one protocol have no address and port in common, except that one may lie within another, as an
   * address within a CIDR or a port within a range: the inner one gets its own.
   */
  readonly address: string | readonly string[];
  /** The port; or several, or ranges such as `8000-8010`. */
  readonly port: number | string | readonly (number | string)[];
  readonly mode: ForwardingMode;
  readonly scheduler: SchedulerName;
  /** `sh-port`, `sh-fallback`, `mh-port`, `mh-fallback`, as in `ipvsadm -b`; default none. */
  readonly schedulerFlags?: readonly SchedulerFlag[];
  /**
   * The balancer's own addresses towards the real servers. FULLNAT: where connections come from, at least one. TUN: the
   * source of the outer header, the first of its family, at least one for each family of real servers. NAT, DR: none.
   * Neither VIPs nor real servers.
   */
  readonly localAddresses?: readonly string[];
  /** First and last local port; for FULLNAT only; default 5000 to 65535. */
  readonly localPorts?: readonly [first: number, last: number];
  /** How FULLNAT over TCP tells real servers who the client is; default `toa`, and `none` in every other case. */
  readonly clientAddress?: ClientAddress;
  /** The option; for `clientAddress: 'toa'` only. */
  readonly toa?: ToaConfig;
  /** A client that came before goes to the same real server again; default: no. */
  readonly persistence?: PersistenceConfig;
  readonly timeouts?: TimeoutsConfig;
  readonly limits?: LimitsConfig;
  /** The balancer shakes hands with clients itself, for NAT and FULLNAT over TCP; default: no. */
  readonly synProxy?: SynProxyConfig;
  /** End connections whose real server was quiesced (weight 0) or removed at their next packet (DPVS); default false: they go on. */
  readonly expireQuiescent?: boolean;
  readonly realServers: readonly RealServerConfig[];
}

export interface RealServerConfig {
  readonly address: string;
  /** Default: the port that the client connected to, which is all that DR and TUN can do: their real servers see it. */
  readonly port?: number;
  /** 0..65535, default 1; 0 gets no new connections. */
  readonly weight?: number;
  /** With so many connections it gets no more (`ipvsadm -x`); 0, the default: no limit. */
  readonly upperThreshold?: number;
  /** And again with less than so many (`-y`); default 0: three quarters of the upper one. */
  readonly lowerThreshold?: number;
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

export interface PersistenceConfig {
  /** Seconds since the client's last new connection, 1..86400; default 300. */
  readonly timeout?: number;
  /** Clients with so many leading bits in common are one (`ipvsadm -M`): 1..32 (default) or 1..128 (default). */
  readonly prefix?: number;
}

/** New connections are refused while the service's rates, as the estimator sees them, are above; 0, the default: no limit. */
export interface LimitsConfig {
  /** New connections a second. */
  readonly connectionsPerSecond?: number;
  /** Bytes a second, both directions together. */
  readonly bytesPerSecond?: number;
}

/** The names of Alibaba's LVS are `synproxy_…`, those of DPVS stand in `synack_options` and beside it. */
export interface SynProxyConfig {
  /**
   * `auto`: while the service has more half-open connections than `halfOpenHigh`, until an attack would leave less than
   * `halfOpenLow`. Default `on`, and `off` for a service without this setting.
   */
  readonly mode?: SynProxyMode;
  /** The most that clients are told to send in a segment, 64..65535; default 1452, or 1420 for IPv6. */
  readonly mss?: number;
  /** Selective acknowledgments; default true. */
  readonly sack?: boolean;
  /** That of our windows, 0..14; default 7; 0: windows are not scaled, so that none is larger than 64 kB. */
  readonly windowScale?: number;
  /** For NAT only: FULLNAT's clients share addresses, which timestamps do not survive. Default false. */
  readonly timestamp?: boolean;
  /** TTL or hop limit of the SYN-ACK, 1..255; default 63. */
  readonly ttl?: number;
  /** A client's ACK without data is not enough to begin a connection (`defer`); default false. */
  readonly deferUntilData?: boolean;
  /** What an ACK of a cookie that is none gets; default: as `strayAck` of the settings. */
  readonly badAck?: StrayAckAnswer;
  /** States of the connection before in which a new handshake may take its place; default `['close', 'timeWait']`. */
  readonly reuse?: readonly ReuseState[];
  /** A client's segments that are kept beside the first until the real server answers, 0..63; default 3. */
  readonly storedSegments?: number;
  /** So many equal ACKs of a real server pass, more are dropped, 0..65535; default 10; 0: all pass. */
  readonly ackStormThreshold?: number;
  /** How often the SYN to the real server is sent again, after 3 seconds each, 0..99; default 3. */
  readonly synRetries?: number;
  /** For `auto`, 1..4194304; default 256. */
  readonly halfOpenHigh?: number;
  /** For `auto`, 0..4194304, not above `halfOpenHigh`; default: a quarter of that. */
  readonly halfOpenLow?: number;
}

/**
 * Seconds without a packet, by state, 1..86400. The defaults are those of Alibaba's LVS for FULLNAT and in profiles
 * other than `kernel`, and Linux's for NAT, DR and TUN.
 */
export type TimeoutsConfig = { readonly [State in TimeoutName]?: number };

export interface SettingsConfig {
  /** Whose generation of hash and overhead formulas and whose list order; default `kernel` with new servers at the end. */
  readonly profile?: Profile;
  /** What a segment of no known connection gets; default `reset`. */
  readonly strayAck?: StrayAckAnswer;
  /** Room in the connection table, 1..4194304. */
  readonly maxConnections?: number;
  /** Reset both ends of an established connection that expires; default true. */
  readonly resetOnExpiry?: boolean;
  /**
   * End a connection at its next packet when its real server was removed, or at a new SYN when it was quiesced
   * (expire_nodest_conn); default false: packets of the one are dropped, those of the other go on.
   */
  readonly expireWithoutServer?: boolean;
  /** A quiesced real server gets no more connections by persistence either (expire_quiescent_template); default false. */
  readonly expireQuiescentTemplate?: boolean;
  /**
   * Drop connections that look like an attack's, as drop_entry: `auto` (the default) while the table is over 7/8 full,
   * `always`, `never`.
   */
  readonly dropEntry?: DropEntryMode;
}

export const protocols = ['tcp', 'udp'] as const;
export const forwardingModes = ['nat', 'tun', 'dr', 'fullnat'] as const;
export const clientAddressWays = ['toa', 'proxy-v2', 'none'] as const;
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
export const strayAckAnswers = ['reset', 'drop'] as const;
export const dropEntryModes = ['auto', 'always', 'never'] as const;
export const synProxyModes = ['off', 'on', 'auto'] as const;
export const reuseStates = ['close', 'timeWait', 'finWait', 'closeWait', 'lastAck'] as const;
export const pruneModes = ['protected', 'none', 'strip-all'] as const;

export type Protocol = (typeof protocols)[number];
export type SchedulerFlag = (typeof schedulerFlags)[number];
export type ClientAddress = (typeof clientAddressWays)[number];
export type ForwardingMode = (typeof forwardingModes)[number];
export type SchedulerName = (typeof schedulerNames)[number];
export type Profile = (typeof profiles)[number];
export type ToaSegment = (typeof toaSegments)[number];
export type StrayAckAnswer = (typeof strayAckAnswers)[number];
export type DropEntryMode = (typeof dropEntryModes)[number];
export type SynProxyMode = (typeof synProxyModes)[number];
export type ReuseState = (typeof reuseStates)[number];
export type PruneMode = (typeof pruneModes)[number];
/** A TCP state, or `udp` for everything of that protocol. */
export type TimeoutName = State;

/** A sound configuration with every default filled in and every address in canonical text. It is itself a {@link BalancerConfig}. */
export interface ResolvedConfig {
  readonly links: readonly Required<LinkConfig>[];
  readonly routes: readonly RouteConfig[];
  readonly services: readonly ResolvedService[];
  readonly settings: Required<SettingsConfig>;
}

export interface ResolvedService
  extends Required<Omit<ServiceConfig, 'localPorts' | 'toa' | 'persistence' | 'synProxy'>>,
    Pick<ServiceConfig, 'localPorts'> {
  /** Addresses and CIDRs; one that has all its bits is written as an address. */
  readonly address: readonly string[];
  /** Ports, and ranges of more than one port. */
  readonly port: readonly (number | string)[];
  /** Where, and only where, clientAddress is `toa`. */
  readonly toa?: Required<ToaConfig>;
  readonly persistence?: Required<PersistenceConfig>;
  /** Where, and only where, both directions cross the balancer: NAT and FULLNAT over TCP. */
  readonly synProxy?: Required<SynProxyConfig>;
  readonly timeouts: Readonly<Record<TimeoutName, number>>;
  readonly limits: Required<LimitsConfig>;
  readonly realServers: readonly ResolvedRealServer[];
}

/** `port` is left out where the service has more than one and the client's choice is kept. */
export type ResolvedRealServer = Required<Omit<RealServerConfig, 'port'>> & Pick<RealServerConfig, 'port'>;
