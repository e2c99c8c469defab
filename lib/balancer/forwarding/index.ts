import { isNat64 } from '../config/identity.js';
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
