/** When a SYN on a connection that there is begins anew. */
import { type Arrival, isOpening, type PlainPacket, readPacket } from './balancer-packets.js';
import type { Memory } from './memory.js';
import type { Connection, Service } from './parties.js';
import { takesSyn } from './syn-protection.js';
import type { ModelState } from './tcp-states.js';

/** Whether a packet makes a new connection in place of the one that it is on. */
export function isRenewal(memory: Memory, connection: Connection, { flags, seq }: PlainPacket): boolean {
  const { state, service, server, template, clientIsn } = connection;
  const { mode } = service.config;
  if (!isOpening(flags) || template !== undefined) return false;
  const left = memory.expireWithoutServer && server.weight === 0;
  if ((left || mode === 'fullnat') && takesSyn(memory, service)) return mayReuse(service, state);
  if (left) return seq !== clientIsn || state === 'close' || state === 'synReceived';
  return mode !== 'fullnat' && (state === 'close' || (state === 'timeWait' && seq !== clientIsn));
}

/** Whether a SYN proxy may begin anew with a client whose connection is in a state. */
export function mayReuse({ config }: Service, state: ModelState): boolean {
  const states: readonly string[] = config.synProxy!.reuse;
  return states.includes(state);
}

/** A connection begins anew that was in a state. */
export function countReuse(memory: Memory, sum: string, before: ModelState): void {
  const over = {
    close: 'close',
    timeWait: 'time-wait',
    finWait: 'fin-wait',
    closeWait: 'close-wait',
    established: 'established',
  };
  memory.count(sum);
  memory.count(`${sum}-${before in over ? over[before as keyof typeof over] : 'half-open'}`);
}

/**
 * A SYN with another number: in FULLNAT it begins anew on the same pair, where the connection is not open. Else the real
 * server decides.
 * @param before the state that it found
 */
export function noteReuse(
  memory: Memory,
  connection: Connection,
  before: ModelState,
  { plain, sent }: Arrival,
): void {
  const { flags, seq } = plain;
  const { service, state } = connection;
  if (!isOpening(flags) || seq === connection.clientIsn) return;
  connection.laterSyn = seq;
  if (service.config.mode !== 'fullnat' || (state !== 'synReceived' && state !== 'synSent')) return;
  beginAnew(memory, connection, before, seq);
  connection.delta = sent[0] === undefined ? 0 : (readPacket(sent[0]).seq - seq) >>> 0;
}

/** Whether a real server's packet answers a SYN that it was to decide about. */
export function answersLaterSyn({ laterSyn, delta }: Connection, { flags, ack }: PlainPacket): boolean {
  const answers = flags.includes('S') && flags.includes('A');
  return answers && laterSyn !== undefined && ack === (laterSyn + delta + 1) >>> 0;
}

/** Whether a real server answers another SYN, though a PROXY header was sent behind the connection's own. */
export function isStrangeSynAck(connection: Connection, plain: PlainPacket): boolean {
  const { header, clientIsn, delta } = connection;
  const answersOwn = plain.ack === (clientIsn + delta + 1) >>> 0;
  const isSynAck = plain.flags.includes('S') && plain.flags.includes('A');
  return header !== undefined && isSynAck && !answersOwn && !answersLaterSyn(connection, plain);
}

/** A real server's packet: it may take such a SYN. @param before the state that it found */
export function noteAnswer(
  memory: Memory,
  connection: Connection,
  before: ModelState,
  plain: PlainPacket,
): void {
  const { laterSyn, clientIsn } = connection;
  if (laterSyn === clientIsn || !answersLaterSyn(connection, plain)) return;
  beginAnew(memory, connection, before, laterSyn!);
}

function beginAnew(memory: Memory, connection: Connection, before: ModelState, isn: number): void {
  countReuse(memory, 'connections-reused', before);
  connection.clientIsn = isn;
  connection.header = undefined;
  connection.firstByte = undefined;
  connection.progress = undefined;
}
