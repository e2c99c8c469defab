import type { RealServer } from '../real-server.js';
import { WeightedFailover } from './weighted-failover.js';

/**
 * `ovf`: the one with the highest weight until it has more active connections than its weight says, then the next
 * highest; of equals the first. None when all are full (ip_vs_ovf.c).
 */
export class WeightedOverflow extends WeightedFailover {
  protected override takes(server: RealServer): boolean {
    return server.eligible && server.active <= server.weight;
  }
}
