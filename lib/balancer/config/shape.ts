import { formats } from '../../toa/index.js';
import {
  defaultLimits,
  defaultPersistence,
  defaultProtocol,
  defaultRealServer,
  defaultSettings,
  defaultSynProxy,
} from './defaults.js';
import {
  clientAddressWays,
  dropEntryModes,
  forwardingModes,
  profiles,
  protocols,
  pruneModes,
  reuseStates,
  schedulerFlags,
  schedulerNames,
  strayAckAnswers,
  synProxyModes,
  toaSegments,
} from './model.js';
import {
  cidr,
  type DraftOf,
  flag,
  hostAddress,
  hostAddresses,
  integer,
  list,
  object,
  oneOf,
  oneOrMore,
  optional,
  port,
  portOrRange,
  type Read,
  text,
} from './read.js';

const LONGEST_TIMEOUT = 86_400; // a day
const MOST_CONNECTIONS = 4_194_304; // 2^22: the table's indexes and its memory stay within bounds
const LOWEST_MSS = 64; // the lowest that a cookie can tell
const HIGHEST_RATE = 1_000_000_000_000; // bytes: 8 Tbit/s
const HIGHEST_THRESHOLD = 0xffff_ffff; // u_threshold and l_threshold of ip_vs_dest are 32 bits wide

/** IFNAMSIZ, 16 bytes with the closing zero, and dev_valid_name() in the kernel's net/core/dev.c. */
const INTERFACE_NAME = /^(?!\.{1,2}$)[^\s/:]{1,15}$/;

const interfaceName: Read<string> = (value, path, faults) => {
  if (typeof value === 'string' && INTERFACE_NAME.test(value)) return value;
  faults.add(path, value, 'the name of a network interface: 1 to 15 characters, no blank, slash or colon');
  return undefined;
};

const localPorts: Read<readonly [number, number]> = (value, path, faults) => {
  const [first, last, ...more] = Array.isArray(value) ? value : [];
  const sound = [first, last].every((end) => Number.isInteger(end) && 1 <= end && end <= 65535);
  if (sound && first <= last && more.length === 0) return [first, last];
  faults.add(path, value, 'a list of two ports from 1 to 65535, the first not above the last');
  return undefined;
};

const seconds = optional(integer(1, LONGEST_TIMEOUT));

const timeouts = object({
  none: seconds,
  established: seconds,
  synSent: seconds,
  synReceived: seconds,
  finWait: seconds,
  timeWait: seconds,
  close: seconds,
  closeWait: seconds,
  lastAck: seconds,
  listen: seconds,
  synAck: seconds,
  udp: seconds,
});

const link = object({
  name: text,
  interface: optional(interfaceName),
  addresses: optional(list(hostAddress, 'a list of addresses'), []),
});

const route = object({
  to: cidr,
  link: text,
  via: optional(hostAddress),
  source: optional(hostAddress),
  mtu: optional(integer(68, 65535)), // RFC 791: every IPv4 module forwards 68 bytes whole
});

const toa = object({
  on: optional(list(oneOf(toaSegments), 'a list of syn and ack')),
  format: optional(oneOf(formats.map((format) => format.id))),
  cascade: optional(flag),
  prune: optional(oneOf(pruneModes)),
});

const persistence = object({
  timeout: optional(integer(1, LONGEST_TIMEOUT), defaultPersistence.timeout),
  prefix: optional(integer(1, 128)),
});

const limits = object({
  connectionsPerSecond: optional(integer(0, HIGHEST_RATE), defaultLimits.connectionsPerSecond),
  bytesPerSecond: optional(integer(0, HIGHEST_RATE), defaultLimits.bytesPerSecond),
});

const synProxy = object({
  mode: optional(oneOf(synProxyModes), 'on'),
  mss: optional(integer(LOWEST_MSS, 65535)),
  sack: optional(flag, defaultSynProxy.sack),
  windowScale: optional(integer(0, 14), defaultSynProxy.windowScale), // RFC 7323 2.3
  timestamp: optional(flag, defaultSynProxy.timestamp),
  ttl: optional(integer(1, 255), defaultSynProxy.ttl),
  deferUntilData: optional(flag, defaultSynProxy.deferUntilData),
  badAck: optional(oneOf(strayAckAnswers)),
  reuse: optional(list(oneOf(reuseStates), 'a list of states'), defaultSynProxy.reuse),
  storedSegments: optional(integer(0, 63), defaultSynProxy.storedSegments),
  ackStormThreshold: optional(integer(0, 65535), defaultSynProxy.ackStormThreshold),
  synRetries: optional(integer(0, 99), defaultSynProxy.synRetries),
  halfOpenHigh: optional(integer(1, MOST_CONNECTIONS)),
  halfOpenLow: optional(integer(0, MOST_CONNECTIONS)),
});

const threshold = integer(0, HIGHEST_THRESHOLD);

const realServer = object({
  address: hostAddress,
  port: optional(port),
  weight: optional(integer(0, 65535), defaultRealServer.weight),
  upperThreshold: optional(threshold, defaultRealServer.upperThreshold),
  lowerThreshold: optional(threshold, defaultRealServer.lowerThreshold),
});

const service = object({
  name: optional(text),
  protocol: optional(oneOf(protocols), defaultProtocol),
  address: oneOrMore(hostAddresses),
  port: oneOrMore(portOrRange),
  mode: oneOf(forwardingModes),
  scheduler: oneOf(schedulerNames),
  schedulerFlags: optional(list(oneOf(schedulerFlags), 'a list of flags'), []),
  localAddresses: optional(list(hostAddress, 'a list of addresses'), []),
  localPorts: optional(localPorts),
  clientAddress: optional(oneOf(clientAddressWays)),
  toa: optional(toa),
  persistence: optional(persistence),
  timeouts: optional(timeouts, {}),
  limits: optional(limits, {}),
  synProxy: optional(synProxy),
  expireQuiescent: optional(flag, false),
  realServers: list(realServer, 'a list of real servers'),
});

const settings = object({
  profile: optional(oneOf(profiles), defaultSettings.profile),
  strayAck: optional(oneOf(strayAckAnswers), defaultSettings.strayAck),
  maxConnections: optional(integer(1, MOST_CONNECTIONS), defaultSettings.maxConnections),
  resetOnExpiry: optional(flag, defaultSettings.resetOnExpiry),
  expireWithoutServer: optional(flag, defaultSettings.expireWithoutServer),
  expireQuiescentTemplate: optional(flag, defaultSettings.expireQuiescentTemplate),
  dropEntry: optional(oneOf(dropEntryModes), defaultSettings.dropEntry),
});

/** The shape of a whole configuration: keys, types and ranges, and the defaults that depend on nothing else. */
export const readShape = object({
  links: list(link, 'a list of at least one link', 1),
  routes: optional(list(route, 'a list of routes'), []),
  services: list(service, 'a list of services'),
  settings: optional(settings, {}),
});

export type LinkDraft = DraftOf<typeof link>;
export type RouteDraft = DraftOf<typeof route>;
export type ServiceDraft = DraftOf<typeof service>;
export type RealServerDraft = DraftOf<typeof realServer>;
export type ConfigDraft = DraftOf<typeof readShape>;
