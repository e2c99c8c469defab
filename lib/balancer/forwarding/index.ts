import { isIpv4, wordsOf } from '../address-words.js';
import type { ForwardingMode, ResolvedService } from '../config/model.js';
import { directRouting } from './direct-routing.js';
import type { Forwarding } from './forwarding.js';
import { nat64 } from './nat64.js';
import { translation } from './translation.js';
import { tunnel } from './tunnel.js';

/** Every forwarding mode by its name: a new one is a file and a line here. */
const FORWARDINGS: Readonly<Record<ForwardingMode, Forwarding>> = {
  nat: translation,
  fullnat: translation,
  tun: tunnel,
  dr: directRouting,
};

/** How a service's packets travel. */
export function forwardingOf(service: ResolvedService): Forwarding {
  return isNat64(service) ? nat64 : FORWARDINGS[service.mode];
}

/** Whether a service takes IPv6 clients to IPv4 real servers by FULLNAT: its local addresses are of their family. */
export function isNat64({ mode, address, localAddresses }: ResolvedService): boolean {
  const [vip] = address as [string];
  const [local] = localAddresses;
  return mode === 'fullnat' && vip.includes(':') && local !== undefined && isIpv4(wordsOf(local));
}
