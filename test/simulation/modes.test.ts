import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { endpoint, fate, PATIENT } from '../support/exchanges.js';
import { pattern } from '../support/packet-builder.js';
import { proxyHeader } from '../support/proxy-header.js';
import type { RigOptions } from '../support/rig.js';
import { SimulatedNetwork } from '../support/simulated-network.js';
import type { TinyTcp } from '../support/tiny-tcp.js';
import {
  IPV4,
  IPV6,
  isOneWay,
  NAT64,
  type Topology,
  TUNNEL_4_IN_6,
  TUNNEL_6_IN_4,
} from '../support/topology.js';
import { concat, hostPort, hostPortText } from '../support/wire.js';

type Service = NonNullable<RigOptions['service']>;

const CASES: readonly { what: string; topology: Topology; service: Service }[] = [
  { what: 'NAT over IPv4', topology: IPV4, service: { mode: 'nat' } },
  { what: 'NAT over IPv6', topology: IPV6, service: { mode: 'nat' } },
  { what: 'NAT64', topology: NAT64, service: { mode: 'fullnat' } },
  { what: 'PROXY headers over IPv4', topology: IPV4, service: { clientAddress: 'proxy-v2' } },
  { what: 'PROXY headers over IPv6', topology: IPV6, service: { clientAddress: 'proxy-v2' } },
  { what: 'DR over IPv4', topology: IPV4, service: { mode: 'dr' } },
  { what: 'DR over IPv6', topology: IPV6, service: { mode: 'dr' } },
  { what: 'TUN, IPv4 in IPv4', topology: IPV4, service: { mode: 'tun' } },
  { what: 'TUN, IPv6 in IPv6', topology: IPV6, service: { mode: 'tun' } },
  { what: 'TUN, IPv4 in IPv6', topology: TUNNEL_4_IN_6, service: { mode: 'tun' } },
  { what: 'TUN, IPv6 in IPv4', topology: TUNNEL_6_IN_4, service: { mode: 'tun' } },
];

const exchange = fc.record({
  client: endpoint,
  up: fc.integer({ min: 0, max: 20_000 }),
  down: fc.integer({ min: 0, max: 20_000 }),
});

for (const { what, topology, service } of CASES) {
  test(`${what}: over a network that loses, delays and repeats, every byte arrives, and nothing is kept`, () => {
    const exchanges = fc.array(exchange, { minLength: 1, maxLength: 3 });
    const fates = fc.array(fate, { minLength: 0, maxLength: 60 });
    fc.assert(
      fc.property(exchanges, fates, (drawn, drawnFates) => {
        const lengths = new Map<TinyTcp, number>();
        const network: SimulatedNetwork = new SimulatedNetwork({
          topology,
          fates: drawnFates,
          service: { timeouts: PATIENT, ...service },
          server: { sack: true, windowScale: 5, timestamps: true, rto: 100, retries: 60 },
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
          tcp.shutdown(network.now);
          return tcp;
        });
        network.settle();
        assert.deepEqual(network.complaints, []);
        const finished = network.accepted.filter(({ tcp }) => tcp.completing !== undefined);
        assert.equal(finished.length, drawn.length, 'each client reached one real server');
        // Who is who by what they sent: no two send the same.
        const got = finished.map(({ tcp }) => Buffer.from(tcp.received).toString('hex')).sort();
        const sent = clients.map((tcp, n) => {
          const header =
            service.clientAddress === 'proxy-v2'
              ? proxyHeader(tcp.local, hostPort(topology.vip, topology.port))
              : new Uint8Array();
          return Buffer.from(concat(header, pattern(drawn[n]!.up, n))).toString('hex');
        });
        assert.deepEqual(got, sent.sort());
        const answers = clients.map(({ received }) => received.length).sort();
        assert.deepEqual(answers, finished.map(({ tcp }) => lengths.get(tcp)!).sort());
        for (const { received } of clients) assert.deepEqual(received, pattern(received.length, 200));
        if (service.mode === 'nat' || isOneWay(service.mode ?? 'fullnat')) {
          const peers = finished.map(({ tcp }) => hostPortText(tcp.remote!)).sort();
          assert.deepEqual(peers, clients.map(({ local }) => hostPortText(local)).sort());
        }
        network.pass(601_000);
        assert.equal(network.balancer.connections.count, 0, 'the table is empty in the end');
      }),
      { numRuns: 15 },
    );
  });
}
