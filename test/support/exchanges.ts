/** What simulated networks draw: the fates of frames, and what the endpoints are like. */
import fc from 'fast-check';
import type { Fate } from './simulated-network.js';

/** Long enough that no loss drawn here makes the balancer forget a connection that the endpoints still have. */
export const PATIENT = {
  established: 600,
  synSent: 600,
  synReceived: 600,
  finWait: 600,
  timeWait: 600,
  close: 600,
  closeWait: 600,
  lastAck: 600,
};

/** Endpoints that no loss drawn here makes give up, nor forget that the other end may have missed their last ACK. */
export const STEADFAST = { rto: 100, retries: 60, timeWait: 60_000 };

/** One frame in eight is lost, one in eight comes twice, the rest takes its time: enough of each to matter. */
export const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.integer({ min: 1, max: 60 })) },
  { weight: 1, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60 })) },
);

const drawnEndpoint = fc.record({
  sack: fc.boolean(),
  timestamps: fc.boolean(),
  windowScale: fc.option(fc.integer({ min: 0, max: 7 }), { nil: undefined }),
  window: fc.integer({ min: 3000, max: 65535 }),
  mss: fc.integer({ min: 200, max: 1400 }),
  offload: fc.constantFrom(0, 0, 9000),
});

/** What may be left out is. */
export const endpoint = drawnEndpoint.map(withoutUndefined);

function withoutUndefined<T extends object>(record: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as never;
}
