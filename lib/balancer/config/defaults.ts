import type { Family } from '../../net/address.js';
import type { FormatId } from '../../toa/index.js';
import type { SettingsConfig, TimeoutName, ToaConfig } from './model.js';

/** FULLNAT's seconds in Alibaba LVS and DPVS, shorter than the kernel's: the balancer sees both directions. */
export const defaultTimeouts: Readonly<Record<TimeoutName, number>> = {
  established: 90,
  synSent: 3,
  synReceived: 30,
  finWait: 7,
  timeWait: 7,
  close: 3,
  closeWait: 7,
  lastAck: 7,
};

/** Alibaba LVS: fullnat_lport_min and fullnat_lport_max. */
export const defaultLocalPorts = [5000, 65535] as const;

export const defaultToa: Required<Omit<ToaConfig, 'format'>> = {
  on: ['ack'],
  cascade: false,
  prune: 'protected',
};

export const defaultFormat: Readonly<Record<Family, FormatId>> = { 4: 'toa-v4', 6: 'toa-v6' };

export const defaultSettings: Required<SettingsConfig> = {
  strayAck: 'reset',
  maxConnections: 262144,
  resetOnExpiry: true,
};
