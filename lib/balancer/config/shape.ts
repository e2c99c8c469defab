import { formats } from '../../toa/index.js';
import { defaultLocalPorts, defaultSettings, defaultTimeouts, defaultToa } from './defaults.js';
import { forwardingModes, pruneModes, schedulerNames, type TimeoutName, toaSegments } from './model.js';
import {
  cidr,
  type DraftOf,
  flag,
  hostAddress,
  integer,
  list,
  object,
  oneOf,
  optional,
  port,
  type Read,
  text,
} from './read.js';

const LONGEST_TIMEOUT = 86_400; // a day
const MOST_CONNECTIONS = 4_194_304; // 2^22: the table's indexes and its memory stay within bounds

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

const seconds = (name: TimeoutName) => optional(integer(1, LONGEST_TIMEOUT), defaultTimeouts[name]);

const timeouts = object({
  established: seconds('established'),
  synSent: seconds('synSent'),
  synReceived: seconds('synReceived'),
  finWait: seconds('finWait'),
  timeWait: seconds('timeWait'),
  close: seconds('close'),
  closeWait: seconds('closeWait'),
  lastAck: seconds('lastAck'),
});

const link = object({ name: text, interface: optional(interfaceName) });

const route = object({
  to: cidr,
  link: text,
  via: optional(hostAddress),
  source: optional(hostAddress),
  mtu: optional(integer(68, 65535)), // RFC 791: every IPv4 module forwards 68 bytes whole
});

const toa = object({
  on: optional(list(oneOf(toaSegments), 'a list of syn and ack'), defaultToa.on),
  format: optional(oneOf(formats.map((format) => format.id))),
  cascade: optional(flag, defaultToa.cascade),
  prune: optional(oneOf(pruneModes), defaultToa.prune),
});

const realServer = object({ address: hostAddress, port, weight: optional(integer(0, 65535), 1) });

const service = object({
  name: optional(text),
  protocol: optional(oneOf(['tcp']), 'tcp'),
  address: hostAddress,
  port,
  mode: oneOf(forwardingModes),
  scheduler: oneOf(schedulerNames),
  localAddresses: list(hostAddress, 'at least one local address, which FULLNAT cannot do without', 1),
  localPorts: optional(localPorts, defaultLocalPorts),
  toa: optional(toa, {}),
  timeouts: optional(timeouts, {}),
  realServers: list(realServer, 'a list of real servers'),
});

const settings = object({
  strayAck: optional(oneOf(['reset', 'drop']), defaultSettings.strayAck),
  maxConnections: optional(integer(1, MOST_CONNECTIONS), defaultSettings.maxConnections),
  resetOnExpiry: optional(flag, defaultSettings.resetOnExpiry),
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
export type ConfigDraft = DraftOf<typeof readShape>;
