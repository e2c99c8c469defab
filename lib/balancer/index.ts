export { type Application, Balancer, type Environment } from './balancer.js';
export * from './config/index.js';
export type { CounterName, Counters } from './counters.js';
export type { Emitted } from './emitted.js';
export { Frame, HEADROOM } from './frame.js';
export type { LinkHardware } from './link-port.js';
export type {
  ServerStatistics,
  ServiceStatistics,
  Snapshot,
  TrafficStatistics,
} from './statistics/statistics.js';
export type { TracedClient } from './traced-client.js';
export { Tracer, type TraceStep } from './tracer.js';
export { CONSUMED, DROPPED } from './verdict.js';
