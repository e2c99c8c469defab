import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow } from '../../support/flow.js';
import { packet } from '../../support/packet-builder.js';
import { neighborReply, questionIn, Rig } from '../../support/rig.js';
import { INSIDE, IPV4, MACS, OUTSIDE, TOPOLOGIES, type Topology } from '../../support/topology.js';
import { addressText } from '../../support/wire.js';

const ROUTER = { 4: '10.0.0.200', 6: 'fd00::200' } as const;
const OTHER_ROUTER = { 4: '10.0.0.201', 6: 'fd00::201' } as const;
const FAR_SERVER = { 4: '172.16.5.9', 6: 'fd55::9' } as const;
const FAR = { 4: '172.16.0.0/16', 6: 'fd55::/32' } as const;
const FAR_NARROW = { 4: '172.16.5.0/24', 6: 'fd55::/64' } as const;

for (const topology of TOPOLOGIES) {
  const { family } = topology;
  const name = (what: string) => `IPv${family}: ${what}`;
  const near = [
    { to: topology.outsideNetwork, link: 'outside' },
    { to: topology.insideNetwork, link: 'inside' },
  ];
  const far = { realServers: [{ address: FAR_SERVER[family], port: 8080 }] };

  test(name('the longest prefix names the next hop, in whatever order the routes are'), () => {
    const wide = { to: FAR[family], link: 'inside', via: OTHER_ROUTER[family] };
    const narrow = { to: FAR_NARROW[family], link: 'inside', via: ROUTER[family] };
    const rest = { to: topology.everything, link: 'outside', via: topology.gateway };
    for (const routes of [
      [rest, wide, ...near, narrow],
      [narrow, ...near, wide, rest],
    ]) {
      const rig = new Rig({ topology, routes, service: far, strangers: true });
      const [question] = rig.send(...new Flow(rig).client({ flags: 'S' }));
      assert.equal(question?.link, INSIDE);
      assert.equal(questionIn(question.decoded)?.target, ROUTER[family]);
      assert.equal(questionIn(question.decoded)?.asker, topology.localAddresses[0]);
    }
  });

  test(name('a route names the address that its requests come from'), () => {
    const routes = [...near, { to: topology.everything, link: 'outside', via: topology.gateway }];
    const source = family === 4 ? '198.51.100.250' : '2001:db8:100::250';
    const named = routes.map((route) => (route.link === 'outside' ? { ...route, source } : route));
    for (const [given, asker] of [
      [routes, topology.vip],
      [named, source],
    ] as const) {
      const rig = new Rig({ topology, routes: given, strangers: true });
      const flow = new Flow(rig);
      rig.send(...flow.client({ flags: 'S' }));
      const [lip] = topology.localAddresses as [string];
      const [server] = topology.realServers as [string];
      flow.learn(rig.send(INSIDE, neighborReply(INSIDE, server, MACS.server(0), lip))[0]!);
      const [question] = rig.send(...flow.fromServer({ flags: 'SA', ack: 1 }));
      assert.deepEqual(questionIn(question!.decoded), { target: topology.gateway, asker });
    }
  });

  test(name('a client or a real server that no route leads to gets no connection'), () => {
    for (const [routes, service] of [
      [near, {}],
      [
        [
          ...near,
          { to: `${topology.client(0)}/${family === 4 ? 24 : 64}`, link: 'outside', via: topology.gateway },
        ],
        far,
      ],
    ] as const) {
      const rig = new Rig({ topology, routes, service });
      rig.play([
        {
          what: 'no route',
          in: new Flow(rig).client({ flags: 'S' }),
          out: [],
          counters: { 'drop-no-route': 1 },
        },
      ]);
      assert.equal(rig.balancer.connections.count, 0);
    }
  });

  test(name('a VIP that lies in no network of a link is answered for on every link'), () => {
    const vip = family === 4 ? '192.88.99.1' : '2001:db8:aaaa::1';
    const rig = new Rig({ topology: { ...topology, vip }, strangers: true });
    for (const link of [OUTSIDE, INSIDE]) {
      const asker = link === OUTSIDE ? topology.gateway : topology.realServers[0]!;
      const sent = rig.send(link, questionFor(topology, link, vip, asker));
      assert.equal(sent.length, 1);
      assert.equal(sent[0]?.link, link);
      const { arp, icmp } = sent[0]!.decoded;
      assert.equal(arp?.sender ?? addressText(icmp!.body.slice(0, 16)), vip);
    }
  });

  test(name('services that share a local address and real servers share its ports too'), () => {
    const [address] = topology.realServers as [string];
    const service = { localPorts: [5000, 5003], realServers: [{ address, port: 8080 }] } as const;
    const rig = new Rig({ topology, service, second: { port: 81 } });
    const pairs = new Set<number>();
    for (let port = 1; port <= 4; port++) {
      const flow = new Flow(rig, { port, servicePort: port % 2 === 0 ? 80 : 81 });
      flow.open();
      pairs.add(flow.localPort);
    }
    assert.equal(pairs.size, 4);
    rig.send(...new Flow(rig, { port: 5, servicePort: 81 }).client({ flags: 'S' }));
    assert.equal(rig.counter('drop-no-local-port'), 1);
  });

  test(name('ICMP errors are sent at most a thousand times a second'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    rig.wait(1000 - (rig.now % 1000));
    const dying = flow.client({ flags: 'A', seq: 1, ack: 2, ip: { ttl: 1 } });
    const burst = () => Array.from({ length: 1100 }, () => rig.send(...dying).length);
    const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
    assert.equal(sum(burst()), 1000);
    assert.equal(rig.counter('answer-icmp-error-limited'), 100);
    assert.equal(rig.counter('drop-ttl-expired'), 1100, 'each is counted all the same');
    rig.wait(1000);
    assert.equal(sum(burst()), 1000);
  });
}

test('packets from addresses that no station can have are dropped', () => {
  const rig = new Rig({ topology: IPV4 });
  for (const from of [
    '0.0.0.0',
    '127.0.0.1',
    '224.0.0.1',
    '255.255.255.255',
    IPV4.vip,
    IPV4.localAddresses[0]!,
  ]) {
    const frame = packet()
      .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
      .ip({ from, to: IPV4.vip })
      .tcp({ from: 1, to: 80, flags: 'S' });
    rig.play([{ what: from, in: [OUTSIDE, frame], out: [], counters: { 'drop-invalid-source': 1 } }]);
  }
});

/** Somebody on a link asks for an address of the balancer. */
function questionFor(topology: Topology, link: number, target: string, asker: string) {
  const from = '02:00:00:00:0a:0a';
  const frame = packet().ethernet({ from, to: MACS.balancer[link]! });
  return topology.family === 4
    ? frame.arp({ operation: 'request', senderMac: from, sender: asker, target })
    : frame.ip({ from: asker, to: target, ttl: 255 }).neighborSolicitation({ target, sourceMac: from });
}
