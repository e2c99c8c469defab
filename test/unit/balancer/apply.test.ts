import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Difference, Fault, ForwardingMode } from '../../../lib/balancer/config/index.js';
import { Flow } from '../../support/flow.js';
import { packet } from '../../support/packet-builder.js';
import { type OnLink, questionIn, Rig, type Sent } from '../../support/rig.js';
import {
  configuration,
  INSIDE,
  IPV4,
  MACS,
  OUTSIDE,
  TOPOLOGIES,
  type Topology,
  type Wishes,
} from '../../support/topology.js';

/** Has the rig's balancer take over what is wished for. */
function apply(rig: Rig, wishes: Wishes): { difference: Difference; sent: Sent[] } {
  const { difference, faults } = rig.balancer.apply(configuration(rig.topology, wishes), rig.now);
  assert.deepEqual(faults, undefined);
  return { difference: difference!, sent: rig.wait(250) };
}

const DATA = { flags: 'PA', seq: 1, ack: 2, payload: 'to the server' };
const ANSWER = { flags: 'PA', seq: 2, ack: 14, payload: 'to the client' };

/** A real server pings an address. */
function ping({ family, realServers }: Topology, to: string): OnLink {
  const ethernet = packet().ethernet({ from: MACS.server(0), to: MACS.balancer[INSIDE]! });
  return [INSIDE, ethernet.ip({ from: realServers[0]!, to }).icmp({ type: family === 4 ? 8 : 128 })];
}

/** Data passes in both directions, as before. */
function assertAlive(flow: Flow, what: string): void {
  const { rig } = flow;
  rig.expect(`${what}: to the server`, rig.send(...flow.client(DATA)), [flow.toServer(DATA)]);
  if (rig.mode === 'dr' || rig.mode === 'tun') return;
  rig.expect(`${what}: to the client`, rig.send(...flow.fromServer(ANSWER)), [flow.toClient(ANSWER)]);
}

for (const topology of TOPOLOGIES) {
  const { family, realServers, serverPort } = topology;
  const name = (what: string) => `IPv${family}: ${what}`;
  const [first, second] = realServers.map((address) => ({ address, port: serverPort })) as [
    { address: string; port: number },
    { address: string; port: number },
  ];
  const otherLocal = family === 4 ? '10.0.0.3' : 'fd00::3';
  const third = family === 4 ? '10.0.0.19' : 'fd00::13';
  const otherVip = family === 4 ? '198.51.100.11' : '2001:db8:100::11';

  const changes: Readonly<Record<string, Wishes>> = {
    'a real server that is added': { service: { realServers: [first, second, { address: third, port: 1 }] } },
    'the other real server going away': { service: { realServers: [first] } },
    weights: {
      service: {
        realServers: [
          { ...first, weight: 0 },
          { ...second, weight: 7 },
        ],
      },
    },
    thresholds: { service: { realServers: [{ ...first, upperThreshold: 1 }, second] } },
    'another order': { service: { realServers: [second, first] } },
    'another scheduler': { service: { scheduler: 'wlc' } },
    'other timeouts': { service: { timeouts: { established: 30, synReceived: 5 } } },
    limits: { service: { limits: { connectionsPerSecond: 1 } } },
    persistence: { service: { persistence: { timeout: 60 } } },
    'a name': { service: { name: 'renamed' } },
    'a VIP more': { service: { address: [otherVip, topology.vip] } },
    'a port more': { service: { port: [443, topology.port] } },
    'a range of ports': { service: { port: '80-90' } },
    'a network of VIPs': { service: { address: family === 4 ? '198.51.100.8/29' : '2001:db8:100::/123' } },
    'a service beside it': { second: { port: 443 } },
    'other settings': { settings: { strayAck: 'drop', resetOnExpiry: false, dropEntry: 'always' } },
    'a route beside its own': {
      routes: [
        { to: topology.outsideNetwork, link: 'outside' },
        { to: topology.insideNetwork, link: 'inside' },
        { to: topology.everything, link: 'outside', via: topology.gateway },
        { to: family === 4 ? '172.16.0.0/12' : '2001:db8:dead::/48', link: 'inside' },
      ],
    },
  };
  for (const mode of ['fullnat', 'nat', 'tun', 'dr'] as const satisfies readonly ForwardingMode[]) {
    test(name(`${mode}: a connection lives through every kind of change and back`), () => {
      const service = { mode } as const;
      const rig = new Rig({ topology, service });
      const flow = new Flow(rig).settled();
      assert.equal(flow.server, 0);
      for (const [what, wishes] of Object.entries(changes)) {
        const port = mode === 'tun' || mode === 'dr' ? { port: topology.port } : {};
        const servers = wishes.service?.realServers?.map((server) => ({ ...server, ...port }));
        const wished = { ...service, ...wishes.service, ...(servers && { realServers: servers }) };
        const { difference } = apply(rig, { ...wishes, service: wished });
        assert.notDeepEqual(difference, {}, what);
        assertAlive(flow, what);
        apply(rig, { service });
        assertAlive(flow, `${what}, taken back`);
      }
      assert.equal(rig.balancer.connections.count, 1);
    });
  }

  test(name('what the option does may change under a connection, and lets it live'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    for (const toa of [{ on: [] }, { on: ['syn', 'ack'], cascade: true }, { prune: 'none' }] as const) {
      apply(rig, { service: { toa } });
      assertAlive(flow, JSON.stringify(toa));
    }
    apply(rig, { service: { clientAddress: 'none' } });
    assertAlive(flow, 'no option at all');
  });

  test(name('nothing that differs moves nothing, and is announced to nobody'), () => {
    const rig = new Rig({ topology });
    const { difference, sent } = apply(rig, {});
    assert.deepEqual([difference, sent], [{}, []]);
  });

  test(name('a change of weights leaves the round of another service where it was'), () => {
    const rig = new Rig({ topology, second: { port: 443 } });
    assert.equal(new Flow(rig, { port: 1, servicePort: 443 }).open().server, 0);
    const weighted = { realServers: [{ ...first, weight: 2 }, second] };
    apply(rig, { service: weighted, second: { port: 443, realServers: [first, second] } });
    assert.equal(new Flow(rig, { port: 2, servicePort: 443 }).open().server, 1);
  });

  test(name("a removed server's packets are dropped and counted, and pass again when it is back"), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    apply(rig, { service: { realServers: [second] } });
    rig.play([
      { what: 'from the client', in: flow.client(DATA), out: [], counters: { 'drop-server-removed': 1 } },
      { what: 'from it', in: flow.fromServer(ANSWER), out: [], counters: { 'drop-server-removed': 1 } },
    ]);
    const [service] = rig.balancer.statistics.snapshot().services;
    assert.deepEqual(
      service!.realServers.map(({ realServer: { available, active } }) => [available, active]),
      [
        [false, 1],
        [true, 0],
      ],
    );
    assert.equal(new Flow(rig, { port: 2 }).open().server, 1);
    apply(rig, {});
    assertAlive(flow, 'it is back');
  });

  test(name('so are those of a removed service, whose address is nobody else’s'), () => {
    const rig = new Rig({ topology, second: { port: 443 } });
    const flow = new Flow(rig, { servicePort: 443 }).settled();
    apply(rig, {});
    assert.deepEqual(rig.send(...flow.client(DATA)), []);
    assert.equal(rig.counter('drop-server-removed'), 1);
    apply(rig, { second: { port: 443 } });
    assertAlive(flow, 'it is back');
  });

  test(name('with expireWithoutServer they end their connection, and a SYN opens another at once'), () => {
    const settings = { expireWithoutServer: true };
    const rig = new Rig({ topology, settings });
    const flow = new Flow(rig).settled();
    apply(rig, { settings, service: { realServers: [second] } });
    const [toServer, toClient] = rig.send(...flow.client(DATA));
    assert.deepEqual(
      [toServer!.decoded.tcp!.flags, toClient!.decoded.tcp!.flags],
      ['R', 'R'],
      'both ends are told',
    );
    assert.equal(rig.balancer.connections.count, 0);
    assert.equal(new Flow(rig).open().server, 1);
  });

  for (const { what, wishes, sent } of [
    {
      what: 'a removed server',
      wishes: { second: { port: 443, expireQuiescent: true, realServers: [second] } },
      sent: 'client',
    },
    { what: 'a removed service', wishes: {}, sent: 'fromServer' },
  ] as const) {
    test(name(`with expireQuiescent the packets of ${what} end their connections and go no further`), () => {
      const rig = new Rig({ topology, second: { port: 443, expireQuiescent: true } });
      const flows = [80, 443].map((servicePort) => new Flow(rig, { servicePort }).settled());
      apply(rig, wishes);
      const packet = sent === 'client' ? flows[1]!.client(DATA) : flows[1]!.fromServer(ANSWER);
      assert.deepEqual(
        rig.send(...packet).map(({ decoded }) => decoded.tcp!.flags),
        ['R', 'R'],
        'both ends are told',
      );
      assert.equal(rig.counter('drop-server-removed'), 1);
      assert.equal(rig.balancer.connections.count, 1);
      rig.send(...packet);
      assert.equal(rig.counter('drop-server-removed'), 1, 'nobody knows it any more');
    });
  }

  test(name('with expireQuiescent a quiesced server’s connections end, without it they go on'), () => {
    const quiesced = { realServers: [{ ...first, weight: 0 }, second] };
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    apply(rig, { service: quiesced });
    assertAlive(flow, 'without');
    apply(rig, { service: { ...quiesced, expireQuiescent: true } });
    rig.send(...flow.client(DATA));
    assert.equal(rig.counter('drop-server-quiesced'), 1);
    assert.equal(rig.balancer.connections.count, 0);
  });

  for (const mode of ['fullnat', 'tun'] as const) {
    const what = `${mode}: a local address that is removed serves its connections on, is answered for until they end`;
    test(name(`${what}, and gets no more`), () => {
      const rig = new Rig({ topology, service: { mode, timeouts: { established: 90 } } });
      const flow = new Flow(rig).settled();
      const [removed] = topology.localAddresses as [string];
      const service = { mode, timeouts: { established: 90 }, localAddresses: [otherLocal] } as const;
      apply(rig, { service });
      assertAlive(flow, 'from the removed address');
      assert.equal(new Flow(rig, { port: 2 }).open().localAddress, otherLocal);
      assert.deepEqual(rig.balancer.formerAddresses, [removed]);
      assert.equal(rig.send(...ping(topology, removed)).length, 1);
      rig.wait(200_000);
      assert.equal(rig.balancer.connections.count, 0);
      apply(rig, { service, second: { port: 443, localAddresses: [otherLocal] } });
      assert.deepEqual(rig.balancer.formerAddresses, []);
      assert.equal(rig.send(...ping(topology, removed)).length, 0);
    });
  }

  test(
    name('a VIP that its service has no longer serves its connections on, is answered for until they end'),
    () => {
      const { vip } = topology;
      const rig = new Rig({ topology, service: { address: [otherVip, vip] } });
      const flow = new Flow(rig).settled();
      const service = { address: otherVip };
      const { difference } = apply(rig, { service });
      const changes = [{ name: 'address', from: [vip, otherVip], to: [otherVip] }];
      assert.deepEqual(difference.services?.changed, [{ service: rig.balancer.services[0]!.name, changes }]);
      assertAlive(flow, 'on the VIP of before');
      assert.deepEqual(rig.balancer.formerAddresses, [vip]);
      assert.equal(rig.send(...ping(topology, vip)).length, 1);
      const { services } = rig.balancer.statistics.snapshot();
      assert.deepEqual(
        services.map(({ traffic }) => [traffic.connections, traffic.packetsOut]),
        [[1, 3]],
        'it is one service, which goes on counting',
      );
      rig.send(...new Flow(rig, { port: 2 }).client({ flags: 'S' }));
      assert.equal(rig.counter('drop-no-service'), 1, 'and gets no more');
      rig.wait(200_000);
      assert.equal(rig.balancer.connections.count, 0);
      apply(rig, { service, second: { port: 443 } });
      assert.deepEqual(rig.balancer.formerAddresses, []);
      assert.equal(rig.send(...ping(topology, vip)).length, 0);
    },
  );

  test(name('a service that is cut in two keeps its connections where it was first'), () => {
    const rig = new Rig({ topology, service: { port: [80, 443] } });
    const flows = [80, 443].map((servicePort) => new Flow(rig, { servicePort }).settled());
    apply(rig, { service: { port: 443, name: 'a' }, second: { port: 80, name: 'b', scheduler: 'wlc' } });
    for (const flow of flows) assertAlive(flow, 'after the cut');
    assert.deepEqual(
      rig.balancer.statistics
        .snapshot()
        .services.map(({ service, traffic }) => [service.name, traffic.connections]),
      [
        ['a', 2],
        ['b', 0],
      ],
    );
  });

  test(
    name('real servers that keep the client’s port are the same when the service gets a port more'),
    () => {
      const kept = realServers.map((address) => ({ address }));
      const rig = new Rig({ topology: { ...topology, serverPort: 80 }, service: { realServers: kept } });
      const flow = new Flow(rig).settled();
      const { difference } = apply(rig, { service: { realServers: kept, port: [80, 443] } });
      assert.deepEqual(Object.keys(difference.services?.changed?.[0]?.realServers ?? {}), ['changed']);
      assertAlive(flow, 'at the port that was the only one');
      apply(rig, { service: { realServers: kept } });
      assertAlive(flow, 'and is so again');
    },
  );

  test(
    name('a local address that becomes a real server is its own, whatever connections have it still'),
    () => {
      const [old] = topology.localAddresses as [string];
      const rig = new Rig({ topology });
      new Flow(rig).settled();
      const service = {
        localAddresses: [otherLocal],
        realServers: [first, { address: old, port: serverPort }],
      };
      const { sent } = apply(rig, { service });
      assert.deepEqual(rig.balancer.formerAddresses, []);
      const asked = sent.flatMap(({ decoded }) => questionIn(decoded) ?? []);
      assert.deepEqual(
        asked.map(({ target }) => target),
        [old],
        'its way is asked for',
      );
    },
  );

  test(name('other timeouts count from a connection’s last packet on, whether it is idle or not'), () => {
    const rig = new Rig({ topology, service: { timeouts: { established: 600 } } });
    const flows = [1, 2].map((port) => new Flow(rig, { port }).settled());
    const { connections } = rig.balancer;
    rig.wait(50_000);
    apply(rig, { service: { timeouts: { established: 900 } } });
    rig.wait(840_000);
    assert.equal(connections.count, 2);
    apply(rig, { service: { timeouts: { established: 1200 } } });
    assertAlive(flows[1]!, 'late, in time');
    rig.wait(100_000);
    apply(rig, { service: { timeouts: { established: 120 } } });
    assert.equal(connections.count, 1, 'the one that was idle for 990 s is over');
    rig.wait(18_000);
    assert.equal(connections.count, 1);
    rig.wait(2_000);
    assert.equal(connections.count, 0);
  });

  test(name('other local ports: those that are taken out of the new range do not count in it'), () => {
    const one = [first];
    const rig = new Rig({ topology, service: { realServers: one, localPorts: [6000, 6003] } });
    const old = Array.from({ length: 4 }, (_, i) => new Flow(rig, { port: 100 + i }).settled());
    apply(rig, { service: { realServers: one, localPorts: [7000, 7003] } });
    const flows = Array.from({ length: 4 }, (_, i) => new Flow(rig, { port: 200 + i }).settled());
    assert.deepEqual(flows.map(({ localPort }) => localPort).sort(), [7000, 7001, 7002, 7003]);
    assert.deepEqual(rig.send(...new Flow(rig, { port: 300 }).client({ flags: 'S' })).length, 1, 'ICMP');
    assert.equal(rig.counter('drop-no-local-port'), 1);
    for (const flow of old) assertAlive(flow, 'the old range');
    rig.wait(200_000);
    for (let i = 0; i < 4; i++) new Flow(rig, { port: 400 + i }).settled();
    assert.equal(rig.counter('drop-no-local-port'), 1);
  });

  test(name("a live connection goes another way, at the new route's MTU"), () => {
    const routes = [
      { to: topology.outsideNetwork, link: 'outside' },
      { to: topology.insideNetwork, link: 'inside', mtu: 1300 },
      { to: topology.everything, link: 'outside', via: topology.gateway },
    ];
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    const long = {
      flags: 'PA',
      seq: 1,
      ack: 2,
      payload: 1350 - topology.ipHeader - 20,
      ip: { dontFragment: true },
    };
    assert.equal(rig.send(...flow.client(long)).length, 1);
    assert.equal(rig.counter('drop-too-big'), 0);
    apply(rig, { routes });
    assert.equal(rig.send(...flow.client(long)).length, 1, 'an answer for its sender');
    assert.equal(rig.counter('drop-too-big'), 1);
    apply(rig, {});
    assertAlive(flow, 'the MTU of before');
  });

  test(name('two routes over one gateway have an MTU each'), () => {
    const narrow = family === 4 ? '203.0.113.8/32' : '2001:db8:7::8/128';
    const routes = [
      { to: topology.outsideNetwork, link: 'outside' },
      { to: topology.insideNetwork, link: 'inside' },
      { to: topology.everything, link: 'outside', via: topology.gateway },
      { to: narrow, link: 'outside', via: topology.gateway, mtu: 1290 },
    ];
    const rig = new Rig({ topology, routes });
    const [wide, thin] = [7, 8].map((client) => new Flow(rig, { client }).settled());
    const long = {
      flags: 'PA',
      seq: 2,
      ack: 1,
      payload: 1350 - topology.ipHeader - 20,
      ip: { dontFragment: true },
    };
    rig.send(...wide!.fromServer(long));
    assert.equal(rig.counter('drop-too-big'), 0);
    rig.send(...thin!.fromServer(long));
    assert.equal(rig.counter('drop-too-big'), 1);
  });

  test(name('another gateway gets the packets of live connections'), () => {
    const other = family === 4 ? '198.51.100.17' : '2001:db8:100::17';
    const rig = new Rig({ topology: { ...topology, realServers: [...realServers, other] } });
    const service = { realServers: [first, second] };
    apply(rig, { service });
    const flow = new Flow(rig).settled();
    const routes = [
      { to: topology.outsideNetwork, link: 'outside' },
      { to: topology.insideNetwork, link: 'inside' },
      { to: topology.everything, link: 'outside', via: other },
    ];
    apply(rig, { service, routes });
    const [sent] = rig.send(...flow.fromServer(ANSWER));
    assert.equal(sent!.link, OUTSIDE);
    assert.equal(sent!.decoded.to, MACS.server(2));
  });

  test(name('once an address is no longer its own, it asks for nobody in its name'), () => {
    const rig = new Rig({ topology, strangers: true });
    const askers = (sent: readonly Sent[]) => [
      ...new Set(sent.flatMap(({ decoded }) => questionIn(decoded)?.asker ?? [])),
    ];
    rig.balancer.start(rig.now);
    assert.deepEqual(askers(rig.drain()), topology.localAddresses);
    rig.wait(5000);
    const { sent } = apply(rig, { service: { localAddresses: [otherLocal] } });
    assert.deepEqual(askers([...sent, ...rig.wait(5000)]), [otherLocal]);
  });
}

test('links, profile and the size of the table stay, and nothing of the rest is applied', () => {
  const rig = new Rig({ topology: IPV4 });
  const flow = new Flow(rig).settled();
  const next = configuration(IPV4, { settings: { profile: 'dpvs', maxConnections: 4096 } });
  const links = [next.links[0]!, { ...next.links[1]!, interface: 'eth9' }];
  const { faults } = rig.balancer.apply({ ...next, links, services: [] }, rig.now) as { faults: Fault[] };
  assert.deepEqual(
    faults.map(({ path }) => path),
    ['links', 'settings.maxConnections', 'settings.profile'],
  );
  assert.equal(rig.balancer.services.length, 1);
  assertAlive(flow, 'after the refusal');
});

test('a configuration that finds no places beside what has connections is refused whole', () => {
  const many = Array.from({ length: 65_536 }, (_, i) => ({
    address: `10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`,
    port: 80,
  }));
  const routes = [
    { to: '0.0.0.0/0', link: 'outside' },
    { to: '10.0.0.0/8', link: 'inside' },
  ];
  const rig = new Rig({ topology: IPV4 });
  const flow = new Flow(rig).settled();
  const config = configuration(IPV4, { service: { realServers: many }, routes });
  const { faults } = rig.balancer.apply(config, rig.now);
  assert.deepEqual(
    faults?.map(({ path }) => path),
    ['services'],
  );
  assertAlive(flow, 'after the refusal');
  rig.wait(200_000);
  const later = rig.balancer.apply(config, rig.now);
  assert.equal(later.faults, undefined);
});

/** One of many configurations: which real servers, local addresses, ports and gateway. */
const wish = fc.record({
  realServers: fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
  weights: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 4 }),
  locals: fc.uniqueArray(fc.integer({ min: 2, max: 5 }), { minLength: 1, maxLength: 3 }),
  ports: fc.constantFrom([6000, 6007] as const, [6004, 6015] as const),
  gateway: fc.integer({ min: 30, max: 250 }),
  scheduler: fc.constantFrom('rr' as const, 'wrr' as const, 'wlc' as const, 'mh' as const),
  persistent: fc.boolean(),
  second: fc.boolean(),
  address: fc.constantFrom([IPV4.vip], [IPV4.vip, '198.51.100.11'], ['198.51.100.11', IPV4.vip]),
  port: fc.constantFrom([80], [8080, 80], [80, 8080]),
});

test('a thousand changes under open connections leak no place, no port and no neighbor', () => {
  const topology = {
    ...IPV4,
    realServers: [17, 18, 19, 20].map((host) => `10.0.0.${host}`),
    gateway: IPV4.gateway,
  };
  const rig = new Rig({ topology, settings: { maxConnections: 512 } });
  let port = 1024;
  const run = (each: typeof wish extends fc.Arbitrary<infer Wish> ? Wish : never): void => {
    const realServers = each.realServers.map((server) => ({
      address: topology.realServers[server]!,
      port: 8080,
      weight: each.weights[server]!,
    }));
    const service = {
      realServers,
      scheduler: each.scheduler,
      localAddresses: each.locals.map((host) => `10.0.0.${host}`),
      localPorts: each.ports,
      address: each.address,
      port: each.port,
      ...(each.persistent && { persistence: { timeout: 5 } }),
    };
    const routes = [
      { to: topology.outsideNetwork, link: 'outside' },
      { to: topology.insideNetwork, link: 'inside' },
      { to: '0.0.0.0/0', link: 'outside', via: `198.51.100.${each.gateway}` },
    ];
    const settings = { maxConnections: 512 };
    apply(rig, { service, routes, settings, ...(each.second && { second: { port: 443 } }) });
    for (let i = 0; i < 3; i++) {
      port = port === 65_000 ? 1024 : port + 1;
      rig.send(
        ...new Flow(rig, { port, servicePort: each.second && i === 2 ? 443 : 80 }).client({ flags: 'S' }),
      );
    }
  };
  fc.assert(fc.property(wish, run), { numRuns: 1000, endOnFailure: true });
  assert.ok(rig.counter('connections-new') > 500, 'most of them found a real server');
  assert.equal(rig.counter('drop-neighbor-table-full'), 0);

  rig.wait(600_000);
  assert.equal(rig.balancer.connections.count, 0);
  const settings = { maxConnections: 512 };
  const { realServers: all } = topology;
  const service = {
    localAddresses: ['10.0.0.2', '10.0.0.3'],
    localPorts: [6000, 6015] as const,
    realServers: all.map((address) => ({ address, port: 8080 })),
  };
  apply(rig, { settings, service });
  const refusedBefore = rig.counter('drop-no-local-port');
  for (let i = 0; i < 2 * 16 * all.length; i++) new Flow(rig, { port: 2000 + i }).open();
  assert.equal(rig.counter('drop-no-local-port'), refusedBefore, 'every port is free again');
  const { services } = rig.balancer.statistics.snapshot();
  assert.deepEqual(
    services.map(({ realServers }) =>
      realServers.map(({ realServer }) => realServer.active + realServer.inactive),
    ),
    [[32, 32, 32, 32]],
  );
  assert.ok(
    services.every(({ service: { index } }) => index < 4) &&
      services.every(({ realServers }) => realServers.every(({ realServer }) => realServer.index < 16)),
    'positions are given again',
  );
});
