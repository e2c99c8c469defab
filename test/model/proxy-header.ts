/** Version 2 of the PROXY protocol: what is sent ahead of a client's bytes, and when. */
import { proxyHeader } from '../support/proxy-header.js';
import { hostPort } from '../support/wire.js';
import { type Host, TICK } from './parties.js';

/** A header that was sent, and goes again until it is acknowledged. */
export interface ProxyHeader {
  readonly bytes: Uint8Array;
  /** What the client acknowledged and offered with its handshake ACK. */
  readonly ack: number;
  readonly window: number;
  acknowledged: boolean;
  /** In ticks: when it is sent again, and how long after that once more; undefined when it was given up. */
  again: number | undefined;
  pause: number;
}

const SECOND = 1000 / TICK;
const LAST_PAUSE = 32 * SECOND;

export function headerFor(client: Host, vip: Host, ack: number, window: number, tick: number): ProxyHeader {
  const bytes = proxyHeader(hostPort(client.address, client.port), hostPort(vip.address, vip.port));
  return { bytes, ack, window, acknowledged: false, again: tick + SECOND, pause: SECOND };
}

/** Time passes. @returns what becomes of the header now */
export function timeOut(header: ProxyHeader, tick: number): 'resent' | 'given-up' | undefined {
  if (header.acknowledged || header.again === undefined || header.again > tick) return undefined;
  if (header.pause === LAST_PAUSE) {
    header.again = undefined;
    return 'given-up';
  }
  header.pause *= 2;
  header.again = tick + header.pause;
  return 'resent';
}
