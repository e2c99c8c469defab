import type { ForwardingMode } from '../config/model.js';
import { directRouting } from './direct-routing.js';
import type { Forwarding } from './forwarding.js';
import { translation } from './translation.js';
import { tunnel } from './tunnel.js';

/** Every forwarding mode by its name: a new one is a file and a line here. */
export const FORWARDINGS: Readonly<Record<ForwardingMode, Forwarding>> = {
  nat: translation,
  fullnat: translation,
  tun: tunnel,
  dr: directRouting,
};
