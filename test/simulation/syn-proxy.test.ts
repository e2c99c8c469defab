import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { endpoint, fate, PATIENT } from '../support/exchanges.js';
import { pattern } from '../support/packet-builder.js';
import { proxyHeader } from '../support/proxy-header.js';
import type { RigOptions } from '../support/rig.js';
import { type Fate, SimulatedNetwork } from '../support/simulated-network.js';
import type { TinyTcp, TinyTcpOptions } from '../support/tiny-tcp.js';
import { IPV4, IPV6, NAT64, type Topology } from '../support/topology.js';
import { concat, hostPort, hostPortText } from '../support/wire.js';

type Service = NonNullable<RigOptions['service']>;

const CASES: readonly { what: string; topology: Topology; service: Service }[] = [
  { what: 'FULLNAT over IPv4', topology: IPV4, service: {} },
  { what: 'FULLNAT over IPv6', topology: IPV6, service: { toa: { on: ['syn', 'ack'] } } },
  { what: 'NAT over IPv4', topology: IPV4, service: { mode: 'nat' } },
  { what: 'NAT over IPv6', topology: IPV6, service: { mode: 'nat' } },
  { what: 'NAT64', topology: NAT64, service: {} },
  { what: 'PROXY headers over IPv4', topology: IPV4, service: { clientAddress: 'proxy-v2' } },
  { what: 'PROXY headers over IPv6', topology: IPV6, service: { clientAddress: 'proxy-v2' } },
];

/** So many networks for each way, drawn anew. */
const RUNS = Number(process.env.TOA_MODEL_RUNS ?? 20);
const HOUR = 3_600_000;

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
}

/**
 * Each client sends its bytes, and ends when it has the first of the answer; real servers speak first. A client whose
 * handshake ACK is lost must have something to send again: of nothing but its SYN no trace is left.
 */
function exchangeAll(
  { topology, service, fates, server }: World,
  drawn: readonly Exchange[],
): SimulatedNetwork {
  const lengths = new Map<TinyTcp, number>();
  const network: SimulatedNetwork = new SimulatedNetwork({
    topology,
    fates,
    service: { timeouts: PATIENT, ...service },
    server: { sack: true, windowScale: 5, timestamps: true, rto: 100, retries: 60, ...server },
    onAccept: ({ tcp }) => {
      const { down } = drawn[lengths.size % drawn.length]!;
      lengths.set(tcp, down);
      tcp.write(pattern(down, 200), network.now);
      tcp.shutdown(network.now);
    },
  });
  const clients = drawn.map(({ client, up }, n) => {
    const tcp = network.connect(n + 1, 40_000 + n, { rto: 100, retries: 60, ...client });
    tcp.write(pattern(up, n), network.now);
    return tcp;
  });
  for (const tcp of clients) {
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

const exchange = fc.record({
  client: endpoint,
  up: fc.integer({ min: 1, max: 20_000 }),
  down: fc.integer({ min: 1, max: 20_000 }),
});
const settings = fc.record({
  windowScale: fc.constantFrom(0, 1, 7),
  sack: fc.boolean(),
  storedSegments: fc.constantFrom(0, 3, 10),
  deferUntilData: fc.boolean(),
});

for (const { what, topology, service } of CASES) {
  test(`SYN proxy, ${what}: over a network that loses, delays and repeats every byte arrives, and nothing is kept`, () => {
    const exchanges = fc.array(exchange, { minLength: 1, maxLength: 3 });
    const fates = fc.array(fate, { minLength: 0, maxLength: 60 });
    fc.assert(
      fc.property(exchanges, fates, settings, fc.boolean(), (drawn, drawnFates, synProxy, timestamp) => {
        // An ACK whose cookie is none is dropped: what overtook the first segment comes again. A patient SYN.
        const patient = { ...synProxy, badAck: 'drop', synRetries: 99 } as const;
        const wished = service.mode === 'nat' ? { ...patient, timestamp } : patient;
        const network = exchangeAll(
          { topology, service: { ...service, synProxy: wished }, fates: drawnFates },
          drawn,
        );
        network.pass(601_000);
        assert.equal(network.balancer.connections.count, 0, 'the table is empty in the end');
      }),
      { numRuns: RUNS, includeErrorInReport: true },
    );
  });

  test(`SYN proxy, ${what}: whichever frames of the handshakes are lost, late or repeated, all goes well in the end`, () => {
    const drawn = [{ client: { sack: true, windowScale: 3, timestamps: true }, up: 300, down: 700 }];
    const play = (fates: Fate[]) =>
      exchangeAll({ topology, service: { ...service, synProxy: {} }, fates }, drawn);
    for (let first = 0; first < HANDSHAKES; first++) {
      const untouched = Array.from({ length: HANDSHAKES }, (): Fate => [1]);
      play(untouched.with(first, [40]));
      play(untouched.with(first, [1, 30]));
      for (let second = first; second < HANDSHAKES; second++) {
        play(untouched.with(first, []).with(second, []));
      }
    }
  });
}

/** Frames until both are over, with what is asked of neighbors. */
const HANDSHAKES = 14;
