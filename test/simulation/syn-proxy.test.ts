import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { draws } from '../support/draws.js';
import { exchangeAll, type Service } from '../support/exchange-all.js';
import { endpoint, fate } from '../support/exchanges.js';
import type { Fate } from '../support/simulated-network.js';
import { IPV4, IPV6, NAT64, type Topology } from '../support/topology.js';

const CASES: readonly { what: string; topology: Topology; service: Service }[] = [
  { what: 'FULLNAT over IPv4', topology: IPV4, service: {} },
  { what: 'FULLNAT over IPv6', topology: IPV6, service: { toa: { on: ['syn', 'ack'] } } },
  { what: 'NAT over IPv4', topology: IPV4, service: { mode: 'nat' } },
  { what: 'NAT over IPv6', topology: IPV6, service: { mode: 'nat' } },
  { what: 'NAT64', topology: NAT64, service: {} },
  { what: 'PROXY headers over IPv4', topology: IPV4, service: { clientAddress: 'proxy-v2' } },
  { what: 'PROXY headers over IPv6', topology: IPV6, service: { clientAddress: 'proxy-v2' } },
];

// A client whose handshake ACK is lost must have something to send again: of nothing but its SYN no trace is left.
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
          { topology, service: { ...service, synProxy: wished }, fates: drawnFates, clientsWait: true },
          drawn,
        );
        network.pass(601_000);
        assert.equal(network.balancer.connections.count, 0, 'the table is empty in the end');
      }),
      draws(20),
    );
  });

  test(`SYN proxy, ${what}: whichever frames of the handshakes are lost, late or repeated, all goes well in the end`, () => {
    const drawn = [{ client: { sack: true, windowScale: 3, timestamps: true }, up: 300, down: 700 }];
    const play = (fates: Fate[]) =>
      exchangeAll({ topology, service: { ...service, synProxy: {} }, fates, clientsWait: true }, drawn);
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
