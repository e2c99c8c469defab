/** Clients and real servers that talk across a simulated network. */
import assert from 'node:assert/strict';
import { PATIENT, STEADFAST } from './exchanges.js';
import { pattern } from './packet-builder.js';
import { proxyHeader } from './proxy-header.js';
import type { RigOptions } from './rig.js';
import { type Fate, SimulatedNetwork } from './simulated-network.js';
import type { TinyTcp, TinyTcpOptions } from './tiny-tcp.js';
import type { Topology } from './topology.js';
import { concat, hostPort, hostPortText } from './wire.js';

export type Service = NonNullable<RigOptions['service']>;

const HOUR = 3_600_000;

/** A client, and the bytes that it sends and gets. */
interface Exchange {
  readonly client: Partial<TinyTcpOptions>;
  readonly up: number;
  readonly down: number;
}

interface World {
  readonly topology: Topology;
  readonly service: Service;
  readonly fates: readonly Fate[];
  readonly server?: Partial<TinyTcpOptions>;
  /** Clients end when they have the first of the answer; default: with what they send. */
  readonly clientsWait?: boolean;
}

/** Clients and real servers send each other their bytes, real servers first, until all have ended; every byte must have arrived. */
export function exchangeAll(
  { topology, service, fates, server, clientsWait = false }: World,
  drawn: readonly Exchange[],
): SimulatedNetwork {
  const lengths = new Map<TinyTcp, number>();
  const network: SimulatedNetwork = new SimulatedNetwork({
    topology,
    fates,
    service: { timeouts: PATIENT, ...service },
    server: { sack: true, windowScale: 5, timestamps: true, ...STEADFAST, ...server },
    onAccept: ({ tcp }) => {
      const { down } = drawn[lengths.size % drawn.length]!;
      lengths.set(tcp, down);
      tcp.write(pattern(down, 200), network.now);
      tcp.shutdown(network.now);
    },
  });
  const clients = drawn.map(({ client, up }, n) => {
    const tcp = network.connect(n + 1, 40_000 + n, { ...STEADFAST, ...client });
    tcp.write(pattern(up, n), network.now);
    if (!clientsWait) tcp.shutdown(network.now);
    return tcp;
  });
  for (const tcp of clientsWait ? clients : []) {
    network.settleUntil(() => tcp.received.length > 0 || tcp.failure !== undefined || network.now > HOUR);
    assert.ok(
      tcp.received.length > 0,
      `an answer for ${hostPortText(tcp.local)}: ${tcp.failure} ${network.now} ms`,
    );
    tcp.shutdown(network.now);
  }
  network.settle();
  assertExchanged(network, topology, service, drawn, lengths);
  return network;
}

/** Every byte is where it belongs, and nobody saw a number that it could not have seen without the balancer. */
function assertExchanged(
  network: SimulatedNetwork,
  topology: Topology,
  service: Service,
  drawn: readonly Exchange[],
  lengths: ReadonlyMap<TinyTcp, number>,
): void {
  const { clients, accepted, complaints } = network;
  assert.deepEqual(complaints, []);
  const finished = accepted.filter(({ tcp }) => tcp.completing !== undefined);
  assert.equal(finished.length, drawn.length, 'each client reached one real server');
  // Who is who by what they sent: no two send the same.
  const sent = clients.map((tcp, n) => {
    const header =
      service.clientAddress === 'proxy-v2'
        ? proxyHeader(tcp.local, hostPort(topology.vip, topology.port))
        : new Uint8Array();
    return Buffer.from(concat(header, pattern(drawn[n]!.up, n))).toString('hex');
  });
  const got = finished.map(({ tcp }) => Buffer.from(tcp.received).toString('hex'));
  assert.deepEqual(got.sort(), sent.sort());
  const answers = clients.map(({ received }) => received.length).sort();
  assert.deepEqual(answers, finished.map(({ tcp }) => lengths.get(tcp)!).sort());
  for (const { received } of clients) assert.deepEqual(received, pattern(received.length, 200));
  for (const tcp of [...clients, ...finished.map((connection) => connection.tcp)]) {
    assert.equal(tcp.failure, undefined);
    const { badChecksums, badSacks, badAcks } = tcp.counts;
    assert.deepEqual({ badChecksums, badSacks, badAcks }, { badChecksums: 0, badSacks: 0, badAcks: 0 });
  }
}
