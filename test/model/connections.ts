/** How a connection of the model begins, how it comes from state to state, and how it leaves the tables. */
import assert from 'node:assert/strict';
import { isOneWay } from '../support/topology.js';
import { type Arrival, type PlainPacket, readPacket } from './balancer-packets.js';
import { leastModel } from './least-loaded.js';
import type { Memory } from './memory.js';
import {
  type Connection,
  type Host,
  judge,
  keyOf,
  load,
  type Server,
  type Service,
  TICK,
} from './parties.js';
import { type ModelState, nextState, type Sender } from './tcp-states.js';

/** Makes a connection for a client's packet. @returns it, or why there is none */
export function bind(
  memory: Memory,
  { plain, sent }: Arrival,
  clientIsn: number,
  service: Service,
): Connection | string {
  const server = memory.templates.find(service, plain.from) ?? schedule(service);
  if (server === undefined) return 'drop-no-real-server';
  const { mode, protocol } = service.config;
  const serverPort = server.port === 0 ? plain.toPort : server.port;
  const client = { address: plain.from, port: plain.fromPort };
  const serverKey = (local: Host) =>
    `${protocol} ${server.address} ${serverPort} > ${local.address} ${local.port}`;
  let local = client;
  let delta = 0;
  if (mode === 'nat' && memory.byServer.has(serverKey(client))) return 'drop-server-side-taken';
  if (mode === 'fullnat') {
    const free = pairsOf(service).filter((pair) => !memory.byServer.has(serverKey(pair)));
    if (free.length === 0) return 'drop-no-local-port';
    const chosen = sent[0] === undefined ? undefined : readPacket(sent[0]);
    const pair = free.find(({ address, port }) => address === chosen?.from && port === chosen.fromPort);
    assert.ok(pair !== undefined, 'the balancer chose a local pair that is free');
    local = pair;
    if (protocol === 'tcp') delta = (chosen!.seq - clientIsn) >>> 0;
  }
  const connection: Connection = {
    key: keyOf(plain),
    serverKey: isOneWay(mode) ? undefined : serverKey(local),
    service,
    server,
    serverPort,
    client,
    vip: { address: plain.to, port: plain.toPort },
    local,
    template: memory.templates.remember(service, client.address, server, memory.tick),
    state: 'none',
    expires: 0,
    clientIsn,
    laterSyn: undefined,
    delta,
    handshake: undefined,
    storm: { text: '', repeats: 0, tick: 0 },
    header: undefined,
    firstByte: undefined,
    progress: undefined,
  };
  memory.connections.set(connection.key, connection);
  if (connection.serverKey !== undefined) memory.byServer.set(connection.serverKey, connection);
  load(server, 'none', 1);
  judge(server);
  server.traffic.connections++;
  memory.count('connections-new');
  return connection;
}

/** Every local address with every local port of a service. */
function pairsOf({ config }: Service): Host[] {
  const [first, last] = config.localPorts!;
  return config.localAddresses.flatMap((address) =>
    Array.from({ length: last - first + 1 }, (_, i) => ({ address, port: first + i })),
  );
}

function schedule(service: Service): Server | undefined {
  const { config, last } = service;
  const servers = service.servers.filter(({ present }) => present);
  if (config.scheduler !== 'rr') return leastModel(config.scheduler as 'lc' | 'wlc', servers, 'kernel');
  const after = last === undefined ? 0 : servers.indexOf(last) + 1;
  const turns = [...servers.slice(after), ...servers.slice(0, after)];
  const next = turns.find(({ weight, overloaded }) => weight > 0 && !overloaded);
  if (next !== undefined) service.last = next;
  return next;
}

/** The state that a packet leads to. */
export function enter(
  memory: Memory,
  connection: Connection,
  { protocol, flags }: PlainPacket,
  sender: Sender,
): void {
  settle(memory, connection, protocol === 'udp' ? 'udp' : nextState(connection.state, flags, sender));
}

/** Puts a connection into a state, for so long as the service has it, or for so many ticks. */
export function settle(memory: Memory, connection: Connection, state: ModelState, ticks?: number): void {
  load(connection.server, connection.state, -1);
  load(connection.server, state, 1);
  connection.state = state;
  connection.expires = memory.tick + (ticks ?? (connection.service.config.timeouts[state] * 1000) / TICK);
}

export function unlink(memory: Memory, { key, serverKey }: Connection): void {
  memory.connections.delete(key);
  if (serverKey !== undefined) memory.byServer.delete(serverKey);
}
