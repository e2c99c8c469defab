import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { draws } from '../support/draws.js';
import { endpoint, fate, PATIENT, STEADFAST } from '../support/exchanges.js';
import { pattern } from '../support/packet-builder.js';
import { type Fate, type ServerConnection, SimulatedNetwork } from '../support/simulated-network.js';
import { tcpOption } from '../support/tcp-segment.js';
import type { TinyTcp, TinyTcpOptions } from '../support/tiny-tcp.js';
import { TOPOLOGIES, type Topology } from '../support/topology.js';
import { hostPort, hostPortText } from '../support/wire.js';

const TOA_KINDS = [28, 200, 201, 249, 250, 252, 253, 254];
interface Exchange {
  readonly client: Partial<TinyTcpOptions>;
  readonly up: number;
  readonly down: number;
  readonly forges: boolean;
}

const exchange: fc.Arbitrary<Exchange> = fc.record({
  client: endpoint,
  up: fc.integer({ min: 0, max: 20_000 }),
  down: fc.integer({ min: 0, max: 20_000 }),
  forges: fc.boolean(),
});

/** A lie about the client's address on every segment, in front of all other options. */
function forgery(topology: Topology): TinyTcpOptions['options'] {
  const liar = topology.family === 4 ? hostPort('192.0.2.66', 666) : hostPort('2001:db8:bad::1', 666);
  const lie = tcpOption.toa(liar);
  return { syn: lie, 'handshake-ack': lie, early: lie, later: lie };
}

/** Whose connection it is, by the option on the segment that completed the handshake. */
function toldClient({ tcp }: ServerConnection): string {
  const told = tcp.completing?.options.find(({ kind }) => kind === 254)?.bytes;
  assert.ok(told !== undefined, 'the segment that completes the handshake has the option');
  return hostPortText({ port: told[2]! * 256 + told[3]!, address: told.slice(4) });
}

/** A network in which every connection is an exchange, run to its end: who talked to whom, by the option. */
function runExchanges(
  topology: Topology,
  exchanges: readonly Exchange[],
  fates: readonly Fate[],
  toaOnSyn: boolean,
) {
  /** How many bytes each real server's endpoint sends: it answers before it knows who asks. */
  const lengths = new Map<TinyTcp, number>();
  const network: SimulatedNetwork = new SimulatedNetwork({
    topology,
    fates,
    service: {
      timeouts: PATIENT,
      localPorts: [5000, 5100],
      toa: { on: toaOnSyn ? ['syn', 'ack'] : ['ack'] },
    },
    server: { sack: true, windowScale: 5, timestamps: true, ...STEADFAST },
    onAccept: ({ tcp }) => {
      const { down } = exchanges[lengths.size % exchanges.length]!;
      lengths.set(tcp, down);
      tcp.write(pattern(down, 200), network.now);
      tcp.shutdown(network.now);
    },
  });
  const clients = exchanges.map(({ client, up, forges }, n) => {
    const options = forges ? { options: forgery(topology)! } : {};
    const tcp = network.connect(n + 1, 40_000 + n, { ...STEADFAST, ...client, ...options });
    tcp.write(pattern(up, n), network.now);
    tcp.shutdown(network.now);
    return tcp;
  });
  network.settle();
  return { network, clients, lengths };
}

for (const topology of TOPOLOGIES) {
  const name = (what: string) => `IPv${topology.family}: ${what}`;

  test(name('over a network that loses, delays and repeats, bytes, addresses and counters are right'), () => {
    const exchanges = fc.array(exchange, { minLength: 1, maxLength: 4 });
    const fates = fc.array(fate, { minLength: 0, maxLength: 80 });
    fc.assert(
      fc.property(exchanges, fates, fc.boolean(), (drawn, drawnFates, toaOnSyn) => {
        const { network, clients, lengths } = runExchanges(topology, drawn, drawnFates, toaOnSyn);
        assert.deepEqual(network.complaints, []);
        const truth = new Map(clients.map((tcp, n) => [hostPortText(tcp.local), { tcp, n }]));
        const finished = network.accepted.filter(({ tcp }) => tcp.completing !== undefined);
        assert.equal(finished.length, drawn.length, 'each client reached one real server');
        const balancerIsns = new Map<string, number>();
        for (const connection of finished) {
          const told = toldClient(connection);
          const client = truth.get(told);
          assert.ok(client !== undefined, `${told} is a client`);
          assert.ok(!balancerIsns.has(told), `${told} comes once`);
          balancerIsns.set(told, connection.tcp.peerIsn!);
          assert.deepEqual(
            connection.tcp.received,
            pattern(drawn[client.n]!.up, client.n),
            `bytes of ${told}`,
          );
          assert.deepEqual(
            client.tcp.received,
            pattern(lengths.get(connection.tcp)!, 200),
            `bytes to ${told}`,
          );
          assertHonest(connection, told, toaOnSyn);
        }
        assertClean(network);
        network.pass(601_000);
        assert.equal(network.balancer.connections.count, 0, 'the table is empty in the end');
      }),
      draws(100),
    );
  });

  test(name('on a clean network nothing is sent twice, and the default timeouts empty the table'), () => {
    const network: SimulatedNetwork = new SimulatedNetwork({
      topology,
      server: { sack: true },
      onAccept: ({ tcp }) => {
        tcp.write(pattern(50_000, 3), network.now);
        tcp.shutdown(network.now);
      },
    });
    // The first two make the neighbors known: only a few frames may wait for one that is not.
    const first = [1, 2].map((n) => network.connect(n, 50_000, { sack: true }));
    network.settleUntil(() => first.every(({ state }) => state === 'established'));
    const rest = Array.from({ length: 20 }, (_, n) => network.connect(n + 3, 50_000, { sack: true }));
    const clients = [...first, ...rest];
    for (const client of clients) {
      client.write(pattern(30_000, 1), network.now);
      client.shutdown(network.now);
    }
    network.settle();
    assert.deepEqual(network.complaints, []);
    for (const tcp of [...clients, ...network.accepted.map((connection) => connection.tcp)]) {
      assert.equal(tcp.state, 'closed');
      assert.equal(tcp.failure, undefined);
      assert.deepEqual(Object.values(tcp.counts), [0, 0, 0, 0, 0, 0, 0]);
    }
    assert.deepEqual(
      network.accepted.map(toldClient).sort(),
      clients.map(({ local }) => hostPortText(local)).sort(),
    );
    network.pass(9000);
    assert.equal(network.balancer.connections.count, 0);
  });

  test(name('early data completes the handshake when its ACK is lost, and has the option then'), () => {
    // Among the first twelve frames is the handshake ACK, behind the SYNs and what is asked of neighbors.
    for (let lost = 0; lost < 12; lost++) {
      const fates = Array.from({ length: lost + 1 }, (_, i): Fate => (i === lost ? [] : [1]));
      const { network, clients } = runExchanges(
        topology,
        [{ client: {}, up: 3000, down: 10, forges: false }],
        fates,
        false,
      );
      assert.equal(toldClient(network.accepted[0]!), hostPortText(clients[0]!.local), `frame ${lost} lost`);
      assert.deepEqual(network.accepted[0]!.tcp.received, pattern(3000, 0));
    }
  });

  test(name('the real server sees early data of three segments with the option on each'), () => {
    const network: SimulatedNetwork = new SimulatedNetwork({ topology });
    const client = network.connect(1, 40_000);
    client.write(pattern(3000, 1), 0);
    network.settleUntil(() => network.accepted[0]?.tcp.received.length === 3000);
    const { tcp, arrived } = network.accepted[0]!;
    tcp.write(pattern(10, 2), network.now);
    network.settleUntil(() => tcp.acknowledged === 10);
    client.write(pattern(10, 3), network.now);
    network.settleUntil(() => tcp.received.length === 3010);
    const marks = arrived.map(({ flags, options }) => `${flags} ${options.some(({ kind }) => kind === 254)}`);
    assert.deepEqual(marks, ['S false', 'A true', 'PA true', 'PA true', 'PA true', 'A false', 'PA false']);
  });

  test(name('a reset by either end reaches the other'), () => {
    for (const side of ['client', 'server'] as const) {
      const network: SimulatedNetwork = new SimulatedNetwork({ topology });
      const client = network.connect(1, 40_000);
      network.settleUntil(() => network.accepted[0]?.tcp.state === 'established');
      const server = network.accepted[0]!.tcp;
      const [from, to] = side === 'client' ? [client, server] : [server, client];
      from.abort(network.now);
      network.settle();
      assert.equal(to.state, 'closed');
      assert.equal(to.failure, 'reset', `the ${side} resets`);
      network.pass(5000);
      assert.equal(network.balancer.connections.count, 0);
    }
  });

  test(name('an idle connection is reset at both ends, exactly at their numbers'), () => {
    const network: SimulatedNetwork = new SimulatedNetwork({ topology });
    const client = network.connect(1, 40_000);
    client.write(pattern(700, 1), 0);
    network.settleUntil(() => network.accepted[0]?.tcp.received.length === 700);
    const server = network.accepted[0]!.tcp;
    server.write(pattern(900, 1), network.now);
    network.settleUntil(() => client.received.length === 900 && server.acknowledged === 900);
    network.pass(95_000);
    network.settle();
    assert.deepEqual([client.failure, server.failure], ['reset', 'reset']);
    assert.equal(client.counts.challengeAcks + server.counts.challengeAcks, 0);
  });
}

/** No segment on the real server's side tells of anybody but the client, and the phase rules hold. */
function assertHonest({ arrived, tcp }: ServerConnection, client: string, onSyn: boolean): void {
  let acknowledgedData = false;
  for (const segment of arrived) {
    const marks = segment.options.filter(({ kind }) => TOA_KINDS.includes(kind));
    for (const { bytes } of marks) {
      const told = hostPortText({ port: bytes[2]! * 256 + bytes[3]!, address: bytes.slice(4) });
      assert.equal(told, client, 'no forged address arrives');
    }
    const early = !segment.flags.includes('S') && segment.ack === (tcp.isn + 1) >>> 0;
    const wanted = segment.flags.includes('R')
      ? 0
      : segment.flags.includes('S')
        ? Number(onSyn)
        : Number(early);
    assert.equal(marks.length, wanted, `${segment.flags} ack ${segment.ack}`);
    acknowledgedData ||= !early;
    if (segment.flags.includes('S')) {
      assert.ok(!segment.options.some(({ kind }) => kind === 8), 'no timestamps on the SYN');
    }
  }
  assert.ok(acknowledgedData);
}

/** Nothing was dropped, answered or miscounted; but frames may wait in vain when the answer for a neighbor is lost. */
function assertClean(network: SimulatedNetwork): void {
  const counters: Record<string, number> = network.balancer.counters.snapshot();
  const bad = Object.entries(counters).filter(
    ([name, count]) => count > 0 && /^(drop|answer-reset|answer-icmp|toa-refused)/.test(name),
  );
  const excused = ['drop-neighbor-queue-full', 'drop-neighbor-unresolved'];
  assert.deepEqual(
    bad.filter(([name]) => !excused.includes(name)),
    [],
  );
  for (const { counts } of [...network.clients, ...network.accepted.map(({ tcp }) => tcp)]) {
    const { badChecksums, badSacks, badAcks, challengeAcks } = counts;
    assert.deepEqual(
      { badChecksums, badSacks, badAcks, challengeAcks },
      { badChecksums: 0, badSacks: 0, badAcks: 0, challengeAcks: 0 },
    );
  }
}
