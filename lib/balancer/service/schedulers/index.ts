import type { SchedulerName } from '../../config/model.js';
import { DestinationHashing } from './destination-hashing.js';
import { LeastConnection } from './least-connection.js';
import { LocalityLeastConnection } from './locality-least-connection.js';
import { LocalityLeastConnectionReplicated } from './locality-least-connection-replicated.js';
import { MaglevHashing } from './maglev-hashing.js';
import { NeverQueue } from './never-queue.js';
import { PowerOfTwo } from './power-of-two.js';
import { RoundRobin } from './round-robin.js';
import type { Scheduler, SchedulerOptions } from './scheduler.js';
import { ShortestExpectedDelay } from './shortest-expected-delay.js';
import { SourceHashing } from './source-hashing.js';
import { WeightedFailover } from './weighted-failover.js';
import { WeightedLeastConnection } from './weighted-least-connection.js';
import { WeightedOverflow } from './weighted-overflow.js';
import { WeightedRoundRobin } from './weighted-round-robin.js';

/** Every scheduler by its name in ipvsadm: a new one is a file and a line here. */
export const SCHEDULERS: Readonly<Record<SchedulerName, new (options: SchedulerOptions) => Scheduler>> = {
  rr: RoundRobin,
  wrr: WeightedRoundRobin,
  lc: LeastConnection,
  wlc: WeightedLeastConnection,
  lblc: LocalityLeastConnection,
  lblcr: LocalityLeastConnectionReplicated,
  dh: DestinationHashing,
  sh: SourceHashing,
  sed: ShortestExpectedDelay,
  nq: NeverQueue,
  mh: MaglevHashing,
  fo: WeightedFailover,
  ovf: WeightedOverflow,
  twos: PowerOfTwo,
};
