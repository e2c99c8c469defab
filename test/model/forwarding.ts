/** How a packet of a connection goes on: which link, which neighbor, which wrapping; see translation.ts for the rest. */
import assert from 'node:assert/strict';
import { type BuiltFrame, type PacketBuilder, packet } from '../support/packet-builder.js';
import { decodeFrame } from '../support/packet-decoder.js';
import { INSIDE, isOneWay, MACS, OUTSIDE } from '../support/topology.js';
import { refusal } from './answers.js';
import {
  type Arrival,
  ipHeaderOf,
  type Out,
  type PlainPacket,
  segmentsOf,
  sizeOf,
  writePacket,
} from './balancer-packets.js';
import { enter } from './connections.js';
import type { Memory } from './memory.js';
import type { Connection, Server } from './parties.js';
import { headerAhead } from './proxy-header.js';
import { noteAnswer, noteReuse } from './renewal.js';
import { MTU, toClient, toServer } from './translation.js';

export function fromClient(memory: Memory, connection: Connection, arrival: Arrival): Out[] {
  const { plain } = arrival;
  const { service, server, client } = connection;
  const { mode } = service.config;
  const tunnel = mode === 'tun' ? ipHeaderOf(server.address) : 0;
  const shrunk = mode === 'tun' ? 0 : ipHeaderOf(client.address) - ipHeaderOf(server.address);
  const refused = refusal(memory, arrival, MTU - tunnel + shrunk);
  if (refused !== undefined) return refused;
  const before = connection.state;
  enter(memory, connection, plain, isOneWay(mode) ? 'one-way' : 'client');
  const { segments, bytes } = sizeOf(plain);
  server.traffic.packetsIn += segments;
  server.traffic.bytesIn += bytes;
  const ethernet = packet().ethernet({ from: MACS.balancer[INSIDE], to: server.mac });
  const next = { ...plain, ttl: plain.ttl - 1 };
  if (mode === 'dr') return forward(memory, INSIDE, [writePacket(ethernet, next)]);
  if (mode === 'tun') return forward(memory, INSIDE, tunneled(memory, ethernet, server, next, arrival.sent));
  noteReuse(memory, connection, before, arrival);
  const header = headerAhead(memory, connection, plain);
  const main = writePacket(ethernet, toServer(connection, plain, memory.count));
  return [...header, ...forward(memory, INSIDE, [main])];
}

export function fromServer(memory: Memory, connection: Connection, arrival: Arrival): Out[] {
  const { plain } = arrival;
  const { server, client } = connection;
  const grown = ipHeaderOf(server.address) - ipHeaderOf(client.address);
  const refused = refusal(memory, arrival, MTU + grown);
  if (refused !== undefined) return refused;
  const before = connection.state;
  enter(memory, connection, plain, 'server');
  noteAnswer(memory, connection, before, plain);
  const { segments, bytes } = sizeOf(plain);
  server.traffic.packetsOut += segments;
  server.traffic.bytesOut += bytes;
  const ethernet = packet().ethernet({ from: MACS.balancer[OUTSIDE], to: MACS.gateway });
  return forward(memory, OUTSIDE, [writePacket(ethernet, toClient(connection, plain, memory.count))]);
}

function forward(memory: Memory, link: number, frames: readonly PacketBuilder[]): Out[] {
  memory.count('frames-forwarded', frames.length);
  return frames.map((frame) => [link, frame]);
}

function tunneled(
  { count, topology, tunnelIds }: Memory,
  ethernet: PacketBuilder,
  server: Server,
  plain: PlainPacket,
  sent: readonly BuiltFrame[],
): PacketBuilder[] {
  const segments = segmentsOf(plain);
  // The last one is the frame itself.
  if (segments.length > 1) count('segments-made', segments.length - 1);
  const from = topology.localAddresses[0]!;
  return segments.map((segment, i) => {
    const { ttl, trafficClass, dontFragment } = segment;
    const outer = { from, to: server.address, ttl, trafficClass, dontFragment };
    // IPv6 has no id where nothing is cut.
    if (dontFragment || server.address.includes(':')) {
      return writePacket(ethernet.ip({ ...outer, id: 0 }), segment);
    }
    const { id } = decodeFrame(sent[i]!).ip!;
    const name = `${server.address} ${id}`;
    assert.ok(!tunnelIds.has(name), 'no packet before between the same two had this id');
    tunnelIds.add(name);
    return writePacket(ethernet.ip({ ...outer, id }), segment);
  });
}
