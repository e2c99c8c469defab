import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { draws } from '../support/draws.js';
import { exchangeAll, type Service } from '../support/exchange-all.js';
import { endpoint, fate } from '../support/exchanges.js';
import {
  IPV4,
  IPV6,
  isOneWay,
  NAT64,
  type Topology,
  TUNNEL_4_IN_6,
  TUNNEL_6_IN_4,
} from '../support/topology.js';
import { hostPortText } from '../support/wire.js';

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
        const network = exchangeAll({ topology, service, fates: drawnFates }, drawn);
        const finished = network.accepted.filter(({ tcp }) => tcp.completing !== undefined);
        if (service.mode === 'nat' || isOneWay(service.mode ?? 'fullnat')) {
          const peers = finished.map(({ tcp }) => hostPortText(tcp.remote!)).sort();
          assert.deepEqual(peers, network.clients.map(({ local }) => hostPortText(local)).sort());
        }
        network.pass(601_000);
        assert.equal(network.balancer.connections.count, 0, 'the table is empty in the end');
      }),
      draws(15),
    );
  });
}
