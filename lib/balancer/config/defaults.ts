import type { Family } from '../../net/address.js';
import type { FormatId } from '../../toa/index.js';
import type {
  ForwardingMode,
  LimitsConfig,
  PersistenceConfig,
  Profile,
  Protocol,
  RealServerConfig,
  SettingsConfig,
  SynProxyConfig,
  TimeoutName,
  ToaConfig,
} from './model.js';

type Timeouts = Readonly<Record<TimeoutName, number>>;

/** Linux 6.12: tcp_timeouts in ip_vs_proto_tcp.c, udp_timeouts in ip_vs_proto_udp.c. */
const kernelTimeouts: Timeouts = {
  none: 2,
  established: 900,
  synSent: 120,
  synReceived: 60,
  finWait: 120,
  timeWait: 120,
  close: 10,
  closeWait: 60,
  lastAck: 30,
  listen: 120,
  synAck: 120,
  udp: 300,
};

/** Alibaba's LVS and DPVS, shorter than the kernel's: FULLNAT sees both directions, and its local ports are scarce. */
const fullnatTimeouts: Timeouts = {
  none: 2,
  established: 90,
  synSent: 3,
  synReceived: 30,
  finWait: 7,
  timeWait: 7,
  close: 3,
  closeWait: 7,
  lastAck: 7,
  listen: 120,
  synAck: 30,
  udp: 300,
};

/** Seconds by state. The kernel's profile has no FULLNAT, so that mode's are Alibaba's in every profile. */
export function defaultTimeouts(mode: ForwardingMode, profile: Profile): Timeouts {
  return mode === 'fullnat' || profile !== 'kernel' ? fullnatTimeouts : kernelTimeouts;
}

export const defaultProtocol: Protocol = 'tcp';

/** Alibaba LVS: fullnat_lport_min and fullnat_lport_max. */
export const defaultLocalPorts = [5000, 65535] as const;

export const defaultToa: Required<Omit<ToaConfig, 'format'>> = {
  on: ['ack'],
  cascade: false,
  prune: 'protected',
};

export const defaultFormat: Readonly<Record<Family, FormatId>> = { 4: 'toa-v4', 6: 'toa-v6' };

/** IP_VS_DEFAULT_PERSIST of ipvsadm; every client for itself. */
export const defaultPersistence: Required<Pick<PersistenceConfig, 'timeout'>> = { timeout: 300 };
export const defaultPersistencePrefix: Readonly<Record<Family, number>> = { 4: 32, 6: 128 };

export const defaultLimits: Required<LimitsConfig> = { connectionsPerSecond: 0, bytesPerSecond: 0 };

/** Alibaba's LVS, except for windows: it does not rescale a real server's, so that it has to tell clients of no scale. */
export const defaultSynProxy: Required<
  Omit<SynProxyConfig, 'mode' | 'mss' | 'badAck' | 'halfOpenHigh' | 'halfOpenLow'>
> = {
  sack: true,
  windowScale: 7,
  timestamp: false,
  ttl: 63,
  deferUntilData: false,
  reuse: ['close', 'timeWait'],
  storedSegments: 3,
  ackStormThreshold: 10,
  synRetries: 3,
};

/** What an Ethernet's 1500 bytes leave beside IP, TCP and an option of TOA; IPv6's is that of the usual tunnels, too. */
export const defaultSynProxyMss: Readonly<Record<Family, number>> = { 4: 1452, 6: 1420 };
/** Half of what the queue of one usual listener holds: 511 in Node and nginx. */
export const defaultHalfOpenHigh = 256;

export const defaultRealServer: Required<Omit<RealServerConfig, 'address' | 'port'>> = {
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
};

export const defaultSettings: Required<SettingsConfig> = {
  profile: 'kernel',
  strayAck: 'reset',
  maxConnections: 262144,
  resetOnExpiry: true,
  expireWithoutServer: false,
  expireQuiescentTemplate: false,
  dropEntry: 'auto',
};
