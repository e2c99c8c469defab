export {
  type ObservedConnection,
  type Oddity,
  type Outcome,
  oddities,
  type SegmentRole,
  segmentRoles,
} from './connection.js';
export { knowsLinkType, LinkType } from './link-type.js';
export {
  DEFAULT_MAX_CONNECTIONS,
  Observer,
  type ObserverOptions,
  PATIENCE,
  type Sighting,
} from './observer.js';
export type { Reading, Refusal, SegmentOddity } from './reading.js';
export { Segment, type SkipReason, skipReasons } from './segment.js';
export { type ObserverStatistics, PEERS, type PeerStatistics } from './statistics.js';
