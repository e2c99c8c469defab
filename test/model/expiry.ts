/** What time does to connections, and what is sent when they end. */
import { MACS, OUTSIDE } from '../support/topology.js';
import { own, resetServer } from './answers.js';
import type { Out } from './balancer-packets.js';
import { unlink } from './connections.js';
import type { Memory } from './memory.js';
import { type Connection, judge, load, TICK } from './parties.js';
import { resentHeader } from './proxy-header.js';
import { second } from './syn-protection.js';
import { resentSyn } from './syn-proxy-handshake.js';
import type { Template } from './templates.js';

/**
 * Time passes.
 * @param kept whether the balancer has a template still (see Templates.expire)
 * @returns what is sent because of it, in any order
 */
export function wait(memory: Memory, milliseconds: number, kept: (template: Template) => boolean): Out[] {
  memory.tick += milliseconds / TICK;
  const before = [...memory.connections.values()];
  const headers = before.flatMap((connection) => resentHeader(memory, connection));
  passSecond(memory);
  const due = before.filter(({ expires }) => expires <= memory.tick);
  const syns = due.flatMap((connection) => resentSyn(memory, connection));
  const over = due.filter(({ expires }) => expires <= memory.tick);
  const resets = over.flatMap((connection) => end(memory, connection));
  if (over.length > 0) memory.count('connections-expired', over.length);
  memory.templates.expire(memory.tick, before, [...memory.connections.values()], kept);
  return [...headers, ...syns, ...resets];
}

function passSecond(memory: Memory): void {
  const now = Math.floor(memory.now / 1000);
  if (now === memory.second) return;
  memory.second = now;
  for (const service of memory.services) second(memory, service);
}

/** A connection is over: both sides get a reset where they may not know. */
export function end(memory: Memory, connection: Connection): Out[] {
  const { server, state, progress, vip, client, handshake } = connection;
  unlink(memory, connection);
  load(server, state, -1);
  judge(server);
  const refused = state === 'synSent' && handshake?.answered === false;
  if ((state !== 'established' && !refused) || progress === undefined) return [];
  memory.count('reset-on-expiry', 2);
  return [
    ...resetServer(connection),
    ...own(OUTSIDE, MACS.gateway, vip, client, { flags: 'R', seq: progress.end }),
  ];
}
