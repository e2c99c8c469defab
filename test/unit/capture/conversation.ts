import {
  LinkType,
  type ObservedConnection,
  Observer,
  type ObserverOptions,
} from '../../../lib/capture/index.js';
import { packet } from '../../support/packet-builder.js';
import type { TcpFields } from '../../support/tcp-segment.js';

export const PEER = '10.0.0.1';
export const SERVER = '10.0.0.2';
const MACS = { from: '02:00:00:00:00:01', to: '02:00:00:00:00:02' };

/** One segment of a conversation, as the tests write it down. */
export interface Step extends Partial<Omit<TcpFields, 'from' | 'to' | 'options'>> {
  /** Who sends it; default the peer. */
  readonly by?: 'peer' | 'server';
  readonly options?: readonly Uint8Array[];
  readonly data?: string;
  /** The peer's port, default 5000. */
  readonly port?: number;
  /** Seconds since the step before; default 0. */
  readonly after?: number;
}

const ISN = 1000;
const SERVER_ISN = 9000;

/** The usual segments, with options for those of the peer. */
export const syn = (...options: Uint8Array[]): Step => ({ flags: 'S', seq: ISN, options });
export const synAck: Step = { by: 'server', flags: 'SA', seq: SERVER_ISN, ack: ISN + 1 };
export const ack = (...options: Uint8Array[]): Step => ({
  flags: 'A',
  seq: ISN + 1,
  ack: SERVER_ISN + 1,
  options,
});
export const data = (...options: Uint8Array[]): Step => ({ ...ack(...options), flags: 'PA', data: 'GET /' });
export const reset = (by: 'peer' | 'server'): Step =>
  by === 'peer' ? { by, flags: 'R', seq: ISN + 1 } : { by, flags: 'RA', seq: 0, ack: ISN + 1 };

/** The frame of a step, Ethernet header first. */
export function frameOf({
  by = 'peer',
  port = 5000,
  options = [],
  data = '',
  after: _,
  ...fields
}: Step): Uint8Array {
  const fromPeer = by === 'peer';
  return packet()
    .ethernet(MACS)
    .ip({ from: fromPeer ? PEER : SERVER, to: fromPeer ? SERVER : PEER })
    .tcp({ flags: 'A', ...fields, from: fromPeer ? port : 80, to: fromPeer ? 80 : port, options })
    .payload(data)
    .bytes();
}

/** Shows an observer the steps, and what it makes of them. */
export function observe(
  steps: readonly Step[],
  options: Partial<ObserverOptions> = {},
): { connections: ObservedConnection[]; observer: Observer } {
  const connections: ObservedConnection[] = [];
  const observer = new Observer({ onConnection: (connection) => connections.push(connection), ...options });
  let time = 1_700_000_000_000_000;
  for (const step of steps) {
    time += (step.after ?? 0) * 1e6;
    const frame = frameOf(step);
    observer.packet(frame, 0, frame.length, LinkType.ethernet, time);
  }
  return { connections, observer };
}
