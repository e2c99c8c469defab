/** When a SYN on a connection that there is begins anew. */
import { type Arrival, isOpening, type PlainPacket, readPacket } from './balancer-packets.js';
import type { Memory } from './memory.js';
import { type Connection, isProxied, type Service } from './parties.js';
import type { ModelState } from './tcp-states.js';

/** Whether a packet makes a new connection in place of the one that it is on. */
export function isRenewal(memory: Memory, connection: Connection, { flags, seq }: PlainPacket): boolean {
  const { state, service, server, template, clientIsn } = connection;
  const { mode } = service.config;
  if (!isOpening(flags) || template !== undefined) return false;
  const left = memory.expireWithoutServer && server.weight === 0;
  if (isProxied(service) && (left || mode === 'fullnat')) return mayReuse(service, state);
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
  const over = { close: 'close', timeWait: 'time-wait', finWait: 'fin-wait', closeWait: 'close-wait' };
  memory.count(sum);
  memory.count(`${sum}-${before in over ? over[before as keyof typeof over] : 'half-open'}`);
}

/** FULLNAT: a SYN with another number begins anew on the same pair. @param before the state that it found */
export function noteReuse(
  memory: Memory,
  connection: Connection,
  before: ModelState,
  { plain, sent }: Arrival,
): void {
  const { flags, seq } = plain;
  const { service, state } = connection;
  if (service.config.mode !== 'fullnat' || !isOpening(flags) || seq === connection.clientIsn) return;
  if (state !== 'synReceived' && state !== 'synSent') return;
  countReuse(memory, 'connections-reused', before);
  connection.clientIsn = seq;
  connection.header = undefined;
  connection.firstByte = undefined;
  connection.progress = undefined;
  connection.delta = sent[0] === undefined ? 0 : (readPacket(sent[0]).seq - seq) >>> 0;
}
