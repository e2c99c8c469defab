export { CaptureParser } from './capture-parser.js';
export { type CapturedPacket, PACKET_MAX } from './captured-packet.js';
export {
  type ObservedConnection,
  type Oddity,
  type Outcome,
  oddities,
  type SegmentRole,
  segmentRoles,
} from './connection.js';
export { knowsLinkType, LinkType } from './link-type.js';
export { LiveCapture, type LiveCaptureOptions, type TakePacket } from './live-capture.js';
export {
  DEFAULT_MAX_CONNECTIONS,
  Observer,
  type ObserverOptions,
  PATIENCE,
  type Sighting,
} from './observer.js';
export { PcapngWriter } from './pcapng-writer.js';
export { endpointOf, type Reading, type Refusal, readHeader, type SegmentOddity } from './reading.js';
export { Segment, type SkipReason, skipReasons } from './segment.js';
export { FILTER_PORTS_MAX, tcpFilter } from './socket-filter.js';
export { type ObserverStatistics, PEERS, type PeerStatistics } from './statistics.js';
