/** What becomes of a client's packets behind the SYN proxy, from the ACK that brings the cookie on. */
import { refusal, resetServer, stray } from './answers.js';
import { type Arrival, ipHeaderOf, isOpening, type Out, readPacket } from './balancer-packets.js';
import { bind, settle } from './connections.js';
import type { Memory } from './memory.js';
import type { Connection, Service } from './parties.js';
import { countReuse, mayReuse } from './renewal.js';
import { takesSyn } from './syn-protection.js';
import type { Handshake } from './syn-proxy.js';
import { cookieIn, greet, mayBringCookie } from './syn-proxy-greeting.js';
import { begin } from './syn-proxy-handshake.js';

/** An ACK of nothing that is known: with a sound cookie it makes a connection. */
export function cookieAck(memory: Memory, arrival: Arrival, service: Service): Out[] {
  const { plain } = arrival;
  const data = cookieIn(memory, plain, service);
  if (data === 'early') return [];
  if (data === undefined) {
    const answered = service.config.synProxy!.badAck === 'reset';
    return stray(memory, 'drop-syn-proxy-bad-ack', arrival, answered);
  }
  const refused = refusal(memory, arrival);
  if (refused !== undefined) return refused;
  const connection = bind(memory, arrival, (plain.seq - 1) >>> 0, service);
  if (typeof connection === 'string') return stray(memory, connection, arrival);
  return begin(memory, connection, arrival, data);
}

/** A client's packet, where the client shook hands with the balancer. @returns undefined where it goes on as any other */
export function proxiedClient(memory: Memory, connection: Connection, arrival: Arrival): Out[] | undefined {
  const { handshake, service, state } = connection;
  if (handshake === undefined) return undefined;
  const { plain } = arrival;
  const { flags, seq, ack } = plain;
  const reusable = !handshake.answered || mayReuse(service, state);
  const tooBig = () => refusal(memory, arrival, handshake.segmentMax + ipHeaderOf(plain.from));
  if (isOpening(flags)) {
    if (takesSyn(memory, service) && reusable) return greet(memory, arrival, service);
    if (!handshake.answered && state === 'synSent') {
      memory.count('drop-syn-proxy-unexpected');
      return [];
    }
    if (!handshake.answered) {
      // That handshake was given up.
      connection.handshake = undefined;
      connection.progress = undefined;
    }
    return tooBig();
  }
  const refused = refusal(memory, arrival);
  if (refused !== undefined) return refused;
  const ofCookie = ack === (handshake.cookie + 1) >>> 0;
  const isn = (seq - 1) >>> 0;
  const other =
    !ofCookie && isn !== connection.clientIsn && reusable && mayBringCookie(memory, service, plain);
  const data = other ? cookieIn(memory, plain, service) : undefined;
  if (data === 'early') return [];
  if (data !== undefined) return reopen(memory, connection, arrival, data);
  if (!handshake.answered) return waiting(memory, connection, handshake, arrival, !other && ofCookie);
  return tooBig();
}

/** The same client comes again: it keeps its real server. */
function reopen(memory: Memory, connection: Connection, arrival: Arrival, data: number): Out[] {
  const { plain, sent } = arrival;
  countReuse(memory, 'syn-proxy-reused', connection.state);
  connection.clientIsn = (plain.seq - 1) >>> 0;
  connection.laterSyn = undefined;
  if (connection.service.config.mode === 'fullnat')
    connection.delta = (readPacket(sent[0]!).seq - connection.clientIsn) >>> 0;
  return begin(memory, connection, arrival, data);
}

/** A client's packet while its real server has not answered. */
function waiting(
  memory: Memory,
  connection: Connection,
  handshake: Handshake,
  { link, frame, plain: { flags, seq } }: Arrival,
  ofCookie: boolean,
): Out[] {
  const { state, service, clientIsn } = connection;
  const near = state === 'synSent' && (seq - clientIsn - 1) >>> 0 <= 65535;
  if (near && flags.includes('R')) {
    memory.count('syn-proxy-aborted');
    handshake.kept = [];
    settle(memory, connection, 'close');
    memory.count('reset-on-expiry');
    return resetServer(connection);
  }
  if (!near || !ofCookie || !flags.includes('A') || flags.includes('S')) {
    memory.count('drop-syn-proxy-unexpected');
    return [];
  }
  if (handshake.kept.length <= service.config.synProxy!.storedSegments) handshake.kept.push({ link, frame });
  else memory.count('drop-syn-proxy-queue-full');
  return [];
}
