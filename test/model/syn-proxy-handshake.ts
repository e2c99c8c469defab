/** The SYN proxy's handshake with the real server: how it begins, and its SYN again and again. */
import { packet } from '../support/packet-builder.js';
import { INSIDE, MACS } from '../support/topology.js';
import { type Arrival, type Out, writePacket } from './balancer-packets.js';
import { settle } from './connections.js';
import type { Memory } from './memory.js';
import type { Connection } from './parties.js';
import { handshakeOf, SYN_TICKS, synFor } from './syn-proxy.js';
import { toServer } from './translation.js';

/** The handshake with the real server begins; what the client has sent so far waits. @param data the cookie's */
export function begin(
  memory: Memory,
  connection: Connection,
  { link, frame, plain }: Arrival,
  data: number,
): Out[] {
  const { client, clientIsn, delta } = connection;
  const handshake = handshakeOf((plain.ack - 1) >>> 0, data, client);
  handshake.kept.push({ link, frame });
  connection.handshake = handshake;
  connection.header = undefined;
  connection.firstByte = undefined;
  connection.progress = { end: plain.ack, acknowledged: (clientIsn + delta + 1) >>> 0 };
  settle(memory, connection, 'synSent', SYN_TICKS);
  return serverSyn(memory, connection);
}

function serverSyn(memory: Memory, connection: Connection): Out[] {
  const below = packet().ethernet({ from: MACS.balancer[INSIDE], to: connection.server.mac });
  return [[INSIDE, writePacket(below, toServer(connection, synFor(connection), memory.count))]];
}

/** The time of a connection is over: where that is the SYN's, it may go once more. */
export function resentSyn(memory: Memory, connection: Connection): Out[] {
  const { handshake, service, state } = connection;
  if (handshake === undefined || handshake.answered || state !== 'synSent') return [];
  if (handshake.resent === service.config.synProxy!.synRetries) {
    memory.count('syn-proxy-given-up');
    return [];
  }
  handshake.resent++;
  connection.expires = memory.tick + SYN_TICKS;
  memory.count('syn-proxy-resent');
  return serverSyn(memory, connection);
}
