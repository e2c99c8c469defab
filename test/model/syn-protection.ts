/** Whether the SYNs of a service are answered with cookies; with `auto` it depends on how many connections are half open. */
import type { SynProxyMode } from '../../lib/balancer/config/model.js';
import type { Memory } from './memory.js';
import type { Service } from './parties.js';

/** Seconds. */
const WINDOW = 10;

export interface Protection {
  mode: SynProxyMode;
  /** `auto` is on. */
  active: boolean;
  /** Of this window: SYNs answered, cookies that came back, seconds so far. */
  answered: number;
  accepted: number;
  seconds: number;
  /** Connections that would be half open, had the last window's SYNs not been answered. */
  spared: number;
}

export function protectionOf(mode: SynProxyMode): Protection {
  return { mode, active: false, answered: 0, accepted: 0, seconds: 0, spared: 0 };
}

/** A SYN came: whether a cookie answers it. */
export function takesSyn(memory: Memory, { protection, servers, config }: Service): boolean {
  if (protection.mode !== 'auto') return protection.mode === 'on';
  if (!protection.active && halfOpen({ servers }) > config.synProxy!.halfOpenHigh) {
    Object.assign(protection, { active: true, answered: 0, accepted: 0, seconds: 0 });
    memory.count('syn-proxy-auto-on');
  }
  return protection.active;
}

/** Another setting for a service. */
export function switchTo({ protection }: Service, mode: SynProxyMode): void {
  protection.mode = mode;
  if (mode !== 'auto') protection.active = false;
}

/** A second has passed. */
export function second(memory: Memory, { protection, servers, config }: Service): void {
  if (++protection.seconds < WINDOW) return;
  const unanswered = protection.answered - protection.accepted;
  const spared = Math.max(0, Math.round((unanswered / WINDOW) * config.timeouts.synReceived));
  Object.assign(protection, { spared, answered: 0, accepted: 0, seconds: 0 });
  if (!protection.active || halfOpen({ servers }) + spared > config.synProxy!.halfOpenLow) return;
  protection.active = false;
  memory.count('syn-proxy-auto-off');
}

function halfOpen({ servers }: Pick<Service, 'servers'>): number {
  return servers.reduce((sum, server) => sum + server.halfOpen, 0);
}
