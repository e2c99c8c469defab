import type { Frame } from '../frame.js';
import type { Forwarding } from './forwarding.js';
import { decrementTtl } from './rewrite.js';

/**
 * DR: the real server has the VIP itself, so the packet goes to its MAC address as it is, and the answer goes to the
 * client past the balancer.
 */
export const directRouting: Forwarding = {
  growth: () => 0,
  growthToClient: 0,
  splitAhead: () => undefined,
  toServer: (frame: Frame) => decrementTtl(frame),
  toClient: () => {},
};
