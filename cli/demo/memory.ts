import { randomBytes } from 'node:crypto';
import { Balancer, validateConfig } from '../../lib/balancer/index.js';
import { Forwarder } from '../../lib/daemon/forwarder.js';
import { ToaError } from '../../lib/errors.js';
import { Arena, MEMORY_BYTES, MemoryLink } from '../../lib/link/index.js';
import { formatEndpoint } from '../../lib/net/address.js';
import { ACK, PSH, SYN } from '../../lib/net/tcp.js';
import { acceptFormats, findToa, readSavedSyn } from '../../lib/toa/index.js';
import { MemoryHost, type ReceivedSegment } from './memory-host.js';
import { config, plan, ports } from './plan.js';
import { type DemoRow, demoRow, type SeenEndpoint } from './rows.js';

const mac = (last: number) => Uint8Array.of(2, 0, 0, 0, 0, last);

/** The demo without a kernel: the same balancer and the same reading of the SYN, between two hosts that speak just enough TCP. */
export async function demoOverMemory(): Promise<DemoRow[]> {
  const validation = validateConfig(config);
  if (validation.config === undefined) return [];
  const arena = new Arena(new Uint8Array(2 * MEMORY_BYTES));
  const links = [new MemoryLink(arena, mac(1)), new MemoryLink(arena, mac(2))] as const;
  const environment = { links, secret: randomBytes(32), now: performance.now() };
  const clients = new MemoryHost(
    links[0],
    mac(3),
    plan.flatMap((family) => family.clients),
  );
  const server = new MemoryHost(
    links[1],
    mac(4),
    plan.map((family) => family.server),
  );
  server.onSegment = serve(server);

  using forwarder = new Forwarder(new Balancer(validation.config, environment), links, arena);
  forwarder.start();
  const rows: DemoRow[] = [];
  for (const { clients: addresses, vip } of plan) {
    for (const address of addresses) {
      const client = { address, port: 51514 + rows.length };
      const { plain, recovered } = await ask(clients, client, { address: vip, port: ports.recovered });
      rows.push(demoRow(client, plain, recovered));
    }
  }
  return rows;
}

interface Answer {
  plain: SeenEndpoint;
  recovered: SeenEndpoint;
}

/** A server's part of each connection: keep the SYN, accept, and answer the request with what the SYN says. */
function serve(server: MemoryHost): (segment: ReceivedSegment) => void {
  const formats = acceptFormats();
  const syns = new Map<string, Uint8Array>();
  return ({ packet, from, to, flags, sequence, acknowledgment, payload }) => {
    const key = formatEndpoint(from.address, from.port);
    const reply = { from: to, to: from, sequence: acknowledgment, acknowledgment: sequence + payload.length };
    if (flags & SYN) {
      syns.set(key, packet);
      server.send({ ...reply, flags: SYN | ACK, sequence: 5000, acknowledgment: sequence + 1, payload: '' });
    } else if (payload !== '') {
      const syn = readSavedSyn(syns.get(key) ?? new Uint8Array());
      const client = syn && findToa(syn.tcpHeader, formats).record?.client;
      const answer: Answer = { plain: from, recovered: client ?? from };
      server.send({ ...reply, flags: PSH | ACK, payload: JSON.stringify(answer) });
    }
  };
}

/** A client's part of one connection: open it, ask, and resolve with the answer. */
function ask(clients: MemoryHost, from: SeenEndpoint, to: SeenEndpoint): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new ToaError('ERR_TOA_DEMO', `no answer to ${from.address} over memory`));
    const timer = setTimeout(giveUp, 5000);
    clients.onSegment = ({ flags, sequence, acknowledgment, payload }) => {
      if (flags & SYN) {
        const request = { from, to, sequence: acknowledgment, acknowledgment: sequence + 1 };
        clients.send({ ...request, flags: PSH | ACK, payload: 'Who am I?' });
      } else if (payload !== '') {
        clearTimeout(timer);
        resolve(JSON.parse(payload) as Answer);
      }
    };
    clients.send({ from, to, flags: SYN, sequence: 1000, acknowledgment: 0, payload: '' });
  });
}
