import type { BalancerResults } from './balancer/suite.js';
import type { CoreResults } from './core/suite.js';
import type { ReceiverResults } from './receiver/suite.js';
import type { Machine } from './support/machine.js';
import type { SynProxyResults } from './syn-proxy/suite.js';
import type { WatchResults } from './watch/suite.js';

/** All that one run measured; a suite that was not asked for is absent. */
export interface Results {
  machine: Machine;
  /** When it was measured, UTC, ISO 8601. */
  date: string;
  rounds: number;
  /** Seconds of each load in each round. */
  seconds: number;
  balancer?: BalancerResults;
  core?: CoreResults;
  receiver?: ReceiverResults;
  watch?: WatchResults;
  synProxy?: SynProxyResults;
}
