/** Version 2 of the PROXY protocol: what is sent ahead of a client's bytes, and when. */
import { proxyHeader } from '../support/proxy-header.js';
import { hostPort } from '../support/wire.js';
import { ownToServer } from './answers.js';
import type { Out, PlainPacket } from './balancer-packets.js';
import type { Memory } from './memory.js';
import { type Connection, type Host, TICK } from './parties.js';
import { inServersTerms } from './translation.js';

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

/** A PROXY header goes ahead of the first segment after the SYN that acknowledges something. */
export function headerAhead({ count, tick }: Memory, connection: Connection, plain: PlainPacket): Out[] {
  const { flags } = plain;
  const { service, client, vip, firstByte, header } = connection;
  const told = inServersTerms(connection, plain);
  if (service.config.clientAddress !== 'proxy-v2' || header !== undefined || firstByte === undefined)
    return [];
  if (!flags.includes('A') || /[SR]/.test(flags)) return [];
  count('proxy-header-sent');
  connection.header = headerFor(client, vip, told.ack, told.window, tick);
  return headerSegment(connection);
}

/** Time passes: the header of a connection may go again. */
export function resentHeader({ count, tick }: Memory, connection: Connection): Out[] {
  const fate = connection.header && timeOut(connection.header, tick);
  if (fate === undefined) return [];
  count(`proxy-header-${fate}`);
  return fate === 'resent' ? headerSegment(connection) : [];
}

function headerSegment(connection: Connection): Out[] {
  const { header, clientIsn, delta } = connection;
  const { bytes: payload, ack, window } = header!;
  const seq = (clientIsn + 1 + delta) >>> 0;
  return ownToServer(connection, { flags: 'PA', seq, ack, window, payload });
}

function headerFor(client: Host, vip: Host, ack: number, window: number, tick: number): ProxyHeader {
  const bytes = proxyHeader(hostPort(client.address, client.port), hostPort(vip.address, vip.port));
  return { bytes, ack, window, acknowledged: false, again: tick + SECOND, pause: SECOND };
}

/** Time passes. @returns what becomes of the header now */
function timeOut(header: ProxyHeader, tick: number): 'resent' | 'given-up' | undefined {
  if (header.acknowledged || header.again === undefined || header.again > tick) return undefined;
  if (header.pause === LAST_PAUSE) {
    header.again = undefined;
    return 'given-up';
  }
  header.pause *= 2;
  header.again = tick + header.pause;
  return 'resent';
}
