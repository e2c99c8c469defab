import { isNat64 } from '../config/identity.js';
import type { ForwardingMode, ResolvedService } from '../config/model.js';
import { directRouting } from './direct-routing.js';
import type { Forwarding } from './forwarding.js';
import { nat64 } from './nat64.js';
import type { PacketIds } from './packet-ids.js';
import { translation } from './translation.js';
import { tunnelWith } from './tunnel.js';

/** Every forwarding mode by its name: a new one is a file and a line here. */
const FORWARDINGS: Readonly<Record<ForwardingMode, (ids: PacketIds) => Forwarding>> = {
  nat: () => translation,
  fullnat: () => translation,
  tun: tunnelWith,
  dr: () => directRouting,
};

/** How a service's packets travel. @param ids for those that get a header of our own */
export function forwardingOf(service: ResolvedService, ids: PacketIds): Forwarding {
  return isNat64(service) ? nat64 : FORWARDINGS[service.mode](ids);
}
