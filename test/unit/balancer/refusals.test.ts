import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow } from '../../support/flow.js';
import { type PacketBuilder, packet } from '../../support/packet-builder.js';
import { decodeIp } from '../../support/packet-decoder.js';
import { Rig, type Sent } from '../../support/rig.js';
import { INSIDE, MACS, OUTSIDE, TOPOLOGIES, type Topology } from '../../support/topology.js';
import { addressText, concat } from '../../support/wire.js';

/** ICMP types and codes by family. */
const ICMP = {
  4: { portUnreachable: [3, 3], timeExceeded: [11, 0], tooBig: [3, 4] },
  6: { portUnreachable: [1, 4], timeExceeded: [3, 0], tooBig: [2, 0] },
} as const;

/** Checks an ICMP error: from whom, to whom, its kind and MTU, and that it quotes the packet as it came. */
function assertIcmpError(
  sent: Sent | undefined,
  wanted: {
    link: number;
    from: string;
    to: string;
    kind: readonly [number, number];
    rest?: number;
    about: PacketBuilder;
  },
): void {
  assert.ok(sent?.decoded.ip !== undefined && sent.decoded.icmp !== undefined, 'an ICMP message comes out');
  const { ip, icmp } = sent.decoded;
  assert.equal(sent.link, wanted.link);
  assert.deepEqual([addressText(ip.from), addressText(ip.to)], [wanted.from, wanted.to]);
  assert.deepEqual([icmp.type, icmp.code], wanted.kind);
  assert.equal(icmp.rest, wanted.rest ?? 0);
  assert.equal(icmp.checksumRight && ip.checksumRight, true, 'with right checksums');
  const original = wanted.about.bytes().subarray(14);
  assert.deepEqual(icmp.body, original.slice(0, icmp.body.length), 'it quotes the packet as it came');
  const most = ip.family === 4 ? 576 : 1280;
  assert.ok(ip.totalLength <= most, `no longer than ${most} bytes (RFC 1812 4.3.2.3, RFC 4443 3)`);
  assert.ok(icmp.body.length >= Math.min(original.length, most - 48), 'and as much of it as fits');
  assert.notEqual(decodeIp(icmp.body), undefined);
}

function toBalancer(topology: Topology, fields: Parameters<PacketBuilder['tcp']>[0], ip = {}): PacketBuilder {
  return packet()
    .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
    .ip({ from: topology.client(9), to: topology.vip, ...ip })
    .tcp(fields);
}

/** What the balancer itself sends to the client. */
function fromBalancer(topology: Topology, fields: Parameters<PacketBuilder['tcp']>[0]): PacketBuilder {
  return packet()
    .ethernet({ from: MACS.balancer[OUTSIDE], to: MACS.gateway })
    .ip({ from: topology.vip, to: topology.client(9) })
    .tcp({ window: 0, ...fields });
}

for (const topology of TOPOLOGIES) {
  const { family } = topology;
  const name = (what: string) => `IPv${family}: ${what}`;
  const kinds = ICMP[family];

  for (const mode of ['fullnat', 'nat'] as const) {
    test(name(`${mode}: what clients send in a real server's name is dropped, and changes nothing`), () => {
      const rig = new Rig({ topology, service: { mode } });
      const flow = new Flow(rig).open();
      const { from, to } = flow.ways.fromServer();
      const forged = (fields: { flags: string; seq: number; ack?: number }) =>
        packet()
          .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
          .ip({ from: topology.realServers[flow.server]!, to: flow.localAddress })
          .tcp({ ...fields, from, to });
      const dropped = { out: [], counters: { 'drop-wrong-side': 1 } };
      const data = { flags: 'PA', seq: 1, ack: 1, payload: 'x', options: [] };
      const options = mode === 'fullnat' ? [flow.toa] : [];
      rig.play([
        { what: 'RST', in: [OUTSIDE, forged({ flags: 'R', seq: flow.serverIsn + 1 })], ...dropped },
        { what: 'SYN-ACK', in: [OUTSIDE, forged({ flags: 'SA', seq: 7, ack: 1 })], ...dropped },
        {
          what: 'the client’s data, with the option as if nothing had come',
          in: flow.client(data),
          out: [flow.toServer({ ...data, options })],
          ...(mode === 'fullnat' && { counters: { 'toa-added': 1 } }),
        },
      ]);
      rig.wait(60_000);
      assert.equal(rig.balancer.connections.count, 1, 'it is not closed');
    });
  }

  test(name("a real server's packets may come by any link that is not the clients' alone"), () => {
    const routes = [
      { to: topology.insideNetwork, link: 'inside' },
      { to: topology.everything, link: 'inside', via: topology.gateway },
    ];
    const rig = new Rig({ topology, routes });
    const flow = new Flow(rig);
    flow.syn();
    const { from, to } = flow.ways.fromServer();
    const synAck = packet()
      .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
      .ip({ from: topology.realServers[flow.server]!, to: flow.localAddress })
      .tcp({ from, to, flags: 'SA', seq: 7, ack: flow.balancerIsn + 1 });
    assert.deepEqual(
      rig.send(OUTSIDE, synAck).map(({ link, decoded }) => [link, decoded.tcp!.flags]),
      [[INSIDE, 'SA']],
    );
  });

  test(name('a packet with no hop left is answered with time exceeded, from either side'), () => {
    for (const ttl of [0, 1]) {
      const rig = new Rig({ topology });
      const flow = new Flow(rig).settled();
      const [link, data] = flow.client({ flags: 'PA', seq: 1, ack: 2, payload: 900, ip: { ttl } });
      const sent = rig.send(link, data);
      assert.equal(sent.length, 1);
      const { vip: from } = topology;
      const to = flow.clientAddress;
      assertIcmpError(sent[0], { link: OUTSIDE, from, to, kind: kinds.timeExceeded, about: data });
      const [inside, answer] = flow.fromServer({ flags: 'PA', seq: 2, ack: 1, payload: 1400, ip: { ttl } });
      assertIcmpError(rig.send(inside, answer)[0], {
        link: INSIDE,
        from: flow.localAddress,
        to: topology.realServers[flow.server]!,
        kind: kinds.timeExceeded,
        about: answer,
      });
      assert.equal(rig.counter('drop-ttl-expired'), 2);
    }
  });

  for (const { what, gateways } of [
    { what: 'the link', gateways: [family === 4 ? '10.0.0.1' : 'fd00::1'] },
    { what: 'the client, where the link has no address of the family', gateways: [] },
  ]) {
    test(name(`NAT: an error to a real server about what it sends a client comes from ${what}`), () => {
      const stranger = family === 4 ? 'fd00::99' : '10.9.9.9';
      const links = [{ name: 'outside' }, { name: 'inside', addresses: [stranger, ...gateways] }];
      const rig = new Rig({ topology, links, service: { mode: 'nat' }, mtus: [1400, 1500] });
      const flow = new Flow(rig).settled();
      const segment = { flags: 'PA', seq: 2, ack: 1, payload: 1390 };
      const [link, tooBig] = flow.fromServer(segment);
      const [, dying] = flow.fromServer({ ...segment, payload: 1, ip: { ttl: 1 } });
      const from = gateways[0] ?? flow.clientAddress;
      const wanted = { link, from, to: topology.realServers[flow.server]! };
      const about = { kind: kinds.tooBig, rest: 1400, about: tooBig };
      assertIcmpError(rig.send(link, tooBig)[0], { ...wanted, ...about });
      assertIcmpError(rig.send(link, dying)[0], { ...wanted, kind: kinds.timeExceeded, about: dying });
      const [outside, data] = flow.client({ flags: 'A', seq: 1, ack: 2, ip: { ttl: 1 } });
      const ends = { link: outside, from: topology.vip, to: flow.clientAddress };
      assertIcmpError(rig.send(outside, data)[0], { ...ends, kind: kinds.timeExceeded, about: data });
    });
  }

  test(name('a SYN with no hop left opens nothing'), () => {
    const rig = new Rig({ topology });
    const [link, syn] = new Flow(rig).client({ flags: 'S', ip: { ttl: 1 } });
    const [answer] = rig.send(link, syn);
    const about = { from: topology.vip, to: topology.client(7), kind: kinds.timeExceeded, about: syn };
    assertIcmpError(answer, { link: OUTSIDE, ...about });
    assert.equal(rig.balancer.connections.count, 0);
  });

  test(name('two hops are enough'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    const segment = { flags: 'A', seq: 1, ack: 2 };
    const out = flow.toServer({ ...segment, ip: { ttl: 1 } });
    rig.play([{ what: 'TTL 2', in: flow.client({ ...segment, ip: { ttl: 2 } }), out: [out] }]);
  });

  test(name('a packet too big for the way out is answered with the MTU, and dropped'), () => {
    const rig = new Rig({ topology, mtus: [1500, 1400] });
    const flow = new Flow(rig).settled();
    const size = (total: number) => total - topology.ipHeader - 20;
    const segment = (total: number) => ({ flags: 'A', seq: 1, ack: 2, payload: size(total) });
    rig.play([{ what: 'it fits', in: flow.client(segment(1400)), out: [flow.toServer(segment(1400))] }]);
    const [link, data] = flow.client(segment(1401));
    assertIcmpError(rig.send(link, data)[0], {
      link: OUTSIDE,
      from: topology.vip,
      to: flow.clientAddress,
      kind: kinds.tooBig,
      rest: 1400,
      about: data,
    });
    assert.equal(rig.counter('drop-too-big'), 1);
    const other = new Rig({ topology, mtus: [1400, 1500] });
    const back = new Flow(other).settled();
    const [inside, answer] = back.fromServer({ flags: 'A', seq: 2, ack: 1, payload: size(1500) });
    assertIcmpError(other.send(inside, answer)[0], {
      link: INSIDE,
      from: back.localAddress,
      to: topology.realServers[back.server]!,
      kind: kinds.tooBig,
      rest: 1400,
      about: answer,
    });
  });

  test(name('the MTU of a route counts as well as that of its link'), () => {
    const base = new Rig({ topology });
    assert.ok(base);
    const routes = [
      { to: topology.outsideNetwork, link: 'outside' },
      { to: topology.insideNetwork, link: 'inside', mtu: 1300 },
      { to: topology.everything, link: 'outside', via: topology.gateway },
    ];
    const rig = new Rig({ topology, routes });
    const flow = new Flow(rig).settled();
    const payload = 1301 - topology.ipHeader - 20;
    const [link, data] = flow.client({ flags: 'A', seq: 1, ack: 2, payload });
    assert.equal(rig.send(link, data)[0]?.decoded.icmp?.rest, 1300);
  });

  test(name('a route promises no more than its link can carry'), () => {
    const routes = [
      { to: topology.outsideNetwork, link: 'outside' },
      { to: topology.insideNetwork, link: 'inside', mtu: 9000 },
      { to: topology.everything, link: 'outside', via: topology.gateway },
    ];
    const rig = new Rig({ topology, routes });
    const flow = new Flow(rig).settled();
    const [link, data] = flow.client({ flags: 'A', seq: 1, ack: 2, payload: 2000 });
    assert.equal(rig.send(link, data)[0]?.decoded.icmp?.rest, 1500);
  });

  test(name('a stray segment is answered with a reset, or dropped where the settings say so'), () => {
    const rig = new Rig({ topology });
    const counters = { 'drop-stray': 1, 'answer-reset': 1 };
    const ports = { from: 4000, to: 80 };
    const back = { from: 80, to: 4000 };
    rig.play([
      {
        what: 'ACK',
        in: [OUTSIDE, toBalancer(topology, { ...ports, flags: 'A', seq: 100, ack: 200 })],
        out: [[OUTSIDE, fromBalancer(topology, { ...back, flags: 'R', seq: 200 })]],
        counters,
      },
      {
        what: 'data',
        in: [OUTSIDE, toBalancer(topology, { ...ports, flags: 'PA', seq: 100, ack: 200 }).payload(500)],
        out: [[OUTSIDE, fromBalancer(topology, { ...back, flags: 'R', seq: 200 })]],
        counters,
      },
      {
        what: 'a FIN without ACK',
        in: [OUTSIDE, toBalancer(topology, { ...ports, flags: 'F', seq: 100 })],
        out: [[OUTSIDE, fromBalancer(topology, { ...back, flags: 'RA', seq: 0, ack: 101 })]],
        counters,
      },
      {
        what: 'a RST is never answered',
        in: [OUTSIDE, toBalancer(topology, { ...ports, flags: 'R', seq: 100 })],
        out: [],
        counters: { 'drop-stray': 1 },
      },
      {
        what: 'a SYN-ACK from nowhere',
        in: [OUTSIDE, toBalancer(topology, { ...ports, flags: 'SA', seq: 100, ack: 200 })],
        out: [[OUTSIDE, fromBalancer(topology, { ...back, flags: 'R', seq: 200 })]],
        counters,
      },
    ]);
    const quiet = new Rig({ topology, settings: { strayAck: 'drop' } });
    quiet.play([
      {
        what: 'dropped in silence',
        in: [OUTSIDE, toBalancer(topology, { ...ports, flags: 'A', seq: 100, ack: 200 })],
        out: [],
        counters: { 'drop-stray': 1 },
      },
    ]);
  });

  test(name('a stray segment from a real server is answered the same'), () => {
    const rig = new Rig({ topology });
    const [lip] = topology.localAddresses as [string];
    const [server] = topology.realServers as [string];
    rig.play([
      {
        what: 'data of a connection that is gone',
        in: [
          INSIDE,
          packet()
            .ethernet({ from: MACS.server(0), to: MACS.balancer[INSIDE] })
            .ip({ from: server, to: lip })
            .tcp({ from: 8080, to: 5001, flags: 'PA', seq: 5, ack: 9 })
            .payload(10),
        ],
        out: [
          [
            INSIDE,
            packet()
              .ethernet({ from: MACS.balancer[INSIDE], to: MACS.server(0) })
              .ip({ from: lip, to: server })
              .tcp({ from: 5001, to: 8080, flags: 'R', seq: 9, window: 0 }),
          ],
        ],
        counters: { 'drop-stray': 1, 'answer-reset': 1 },
      },
    ]);
  });

  test(name('a SYN to a port of the VIP that nobody serves is refused'), () => {
    const rig = new Rig({ topology });
    rig.play([
      {
        what: 'port 81',
        in: [OUTSIDE, toBalancer(topology, { from: 4000, to: 81, flags: 'S', seq: 100 })],
        out: [[OUTSIDE, fromBalancer(topology, { from: 81, to: 4000, flags: 'RA', seq: 0, ack: 101 })]],
        counters: { 'drop-no-service': 1, 'answer-reset': 1 },
      },
    ]);
  });

  test(name('when the local ports run out the client is told with port unreachable'), () => {
    const [address] = topology.realServers as [string];
    const service = { localPorts: [5000, 5002], realServers: [{ address, port: 8080 }] } as const;
    const rig = new Rig({ topology, service });
    const flows = [1, 2, 3].map((port) => new Flow(rig, { port }).settled());
    const [link, syn] = new Flow(rig, { port: 4 }).client({ flags: 'S' });
    const sent = rig.send(link, syn);
    assert.equal(sent.length, 1);
    const [from, to] = [topology.vip, topology.client(7)];
    assertIcmpError(sent[0], { link: OUTSIDE, from, to, kind: kinds.portUnreachable, about: syn });
    assert.equal(rig.counter('drop-no-local-port'), 1);
    assert.equal(rig.balancer.connections.count, 3, 'nothing is left of it');
    const [first, second, third] = flows as [Flow, Flow, Flow];
    rig.send(...second.client({ flags: 'R', seq: 1 }));
    rig.wait(5000);
    const next = new Flow(rig, { port: 5 }).settled();
    assert.equal(next.localPort, second.localPort, 'the one that came back');
    for (const flow of [first, third, next]) {
      const segment = { flags: 'A', seq: 2, ack: 1 };
      rig.play([{ what: 'to whom it belongs', in: flow.fromServer(segment), out: [flow.toClient(segment)] }]);
    }
  });

  test(name('without a real server of any weight the client is told with port unreachable'), () => {
    const realServers = topology.realServers.map((address) => ({ address, port: 8080, weight: 0 }));
    const rig = new Rig({ topology, service: { realServers } });
    const [link, syn] = new Flow(rig).client({ flags: 'S' });
    const [from, to] = [topology.vip, topology.client(7)];
    assertIcmpError(rig.send(link, syn)[0], { link, from, to, kind: kinds.portUnreachable, about: syn });
    assert.equal(rig.counter('drop-no-real-server'), 1);
    assert.equal(rig.balancer.connections.count, 0);
  });

  test(name('a full table refuses new connections and keeps the old ones'), () => {
    const rig = new Rig({ topology, settings: { maxConnections: 8 } });
    const flows = Array.from({ length: 8 }, (_, i) => new Flow(rig, { port: 100 + i }).settled());
    rig.send(...new Flow(rig, { port: 99 }).client({ flags: 'S' }));
    assert.equal(rig.counter('drop-table-full'), 1);
    assert.equal(rig.balancer.connections.count, 8);
    for (const flow of flows) {
      const segment = { flags: 'A', seq: 1, ack: 2 };
      rig.play([{ what: 'still there', in: flow.client(segment), out: [flow.toServer(segment)] }]);
    }
  });

  test(name('protocols that are not balanced are dropped and counted'), () => {
    const rig = new Rig({ topology });
    const ends = { from: topology.client(1), to: topology.vip };
    const ethernet = packet().ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] });
    const gre = ethernet.ip({ ...ends, protocol: 47 }).payload(40);
    const sctp = ethernet.ip({ ...ends, protocol: 132 }).payload(40);
    const counters = { 'drop-unsupported-protocol': 1 };
    rig.play([
      { what: 'GRE', in: [OUTSIDE, gre], out: [], counters },
      { what: 'SCTP', in: [OUTSIDE, sctp], out: [], counters },
    ]);
  });

  test(
    name('a frame cut short anywhere is dropped with one counter, and nothing is written outside of it'),
    () => {
      const rig = new Rig({ topology });
      const flow = new Flow(rig).settled();
      const [link, whole] = flow.client({ flags: 'PA', seq: 1, ack: 2, payload: 30, options: [flow.toa] });
      const { bytes, virtio } = whole.build();
      for (let length = 0; length < bytes.length; length++) {
        const before = dropCount(rig);
        const sent = rig.send(link, { bytes: bytes.slice(0, length), virtio });
        assert.deepEqual(sent, [], `${length} bytes`);
        assert.equal(dropCount(rig) - before, 1, `one counter says why at ${length} bytes`);
      }
      assert.equal(rig.send(link, { bytes, virtio }).length, 1, 'the whole frame passes');
    },
  );

  test(name('headers that lie about lengths are dropped'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    const segment = { flags: 'PA', seq: 1, ack: 2, payload: 30 };
    const rows: [string, PacketBuilder][] = [
      ...[0, 1, 2, 3, 4, 13, 15].map((dataOffset): [string, PacketBuilder] => [
        `TCP header of ${dataOffset} words`,
        flow.client({ ...segment, dataOffset })[1],
      ]),
      ['IP length beyond the frame', flow.client({ ...segment, ip: { length: 1000 } })[1]],
      ['IP length shorter than the headers', flow.client({ ...segment, ip: { length: 19 } })[1]],
    ];
    for (const [what, frame] of rows) {
      const before = dropCount(rig);
      assert.deepEqual(rig.send(OUTSIDE, frame), [], what);
      assert.equal(dropCount(rig) - before, 1, what);
    }
  });
}

test('IPv4: a wrong header checksum, version or header length is dropped', () => {
  const [topology] = TOPOLOGIES;
  const rig = new Rig({ topology });
  const flow = new Flow(rig).settled();
  const segment = { flags: 'A', seq: 1, ack: 2 };
  const lies = [0, 4, 15].map((headerWords) => flow.client({ ...segment, ip: { headerWords } }));
  rig.play([
    {
      what: 'checksum',
      in: flow.client({ ...segment, ip: { checksum: 'bad' } }),
      out: [],
      counters: { 'drop-bad-ip-checksum': 1 },
    },
    ...lies.map((lie) => ({
      what: 'header length',
      in: lie,
      out: [],
      counters: { 'drop-bad-ip-header': 1 },
    })),
  ]);
});

test('IPv4: options of the IP header pass', () => {
  const [topology] = TOPOLOGIES;
  const rig = new Rig({ topology });
  const flow = new Flow(rig).half();
  const segment = {
    flags: 'PA',
    seq: 1,
    ack: 1,
    payload: 10,
    ip: { options: Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0) },
  };
  const out = { ...segment, options: [flow.toa], ip: { ...segment.ip, ttl: 63 } };
  rig.play([
    {
      what: 'record route',
      in: flow.client(segment),
      out: [flow.toServer(out)],
      counters: { 'toa-added': 1 },
    },
  ]);
});

test('IPv6: extension headers before TCP pass, the option goes behind them', () => {
  const [, topology] = TOPOLOGIES;
  const rig = new Rig({ topology });
  const flow = new Flow(rig).half();
  const rows: ((outer: PacketBuilder) => PacketBuilder)[] = [
    (outer) => outer.extension(0),
    (outer) => outer.extension(60, new Uint8Array(14)),
    (outer) => outer.extension(0).extension(43, new Uint8Array(6)).extension(60),
  ];
  for (const extend of rows) {
    const tcp =
      (seq: number, ack: number, from: number, to: number, options: Uint8Array[]) => (outer: PacketBuilder) =>
        extend(outer)
          .tcp({ from, to, seq: seq >>> 0, ack: ack >>> 0, flags: 'PA', options })
          .payload(25);
    const ack = flow.serverIsn + 1;
    const outer = packet()
      .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
      .ip({ from: flow.clientAddress, to: topology.vip });
    const inner = packet()
      .ethernet({ from: MACS.balancer[INSIDE], to: MACS.server(flow.server) })
      .ip({ from: flow.localAddress, to: topology.realServers[flow.server]!, ttl: 63 });
    rig.play([
      {
        what: 'extension headers',
        in: [OUTSIDE, tcp(flow.clientIsn + 1, ack, flow.clientPort, 80, [])(outer)],
        out: [[INSIDE, tcp(flow.balancerIsn + 1, ack, flow.localPort, 8080, [flow.toa])(inner)]],
        counters: { 'toa-added': 1 },
      },
    ]);
  }
});

test('a packet whose source wants to route it on behind the real server is dropped', () => {
  const [v4, v6] = TOPOLOGIES;
  const onward = (...option: number[]) => ({ ip: { options: Uint8Array.from(option) } });
  const four = new Flow(new Rig({ topology: v4 })).settled();
  const six = new Flow(new Rig({ topology: v6 })).settled();
  const segment = { flags: 'A', seq: 1, ack: 2 };
  const routed = (type: number, segmentsLeft: number) =>
    packet()
      .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
      .ip({ from: six.clientAddress, to: v6.vip })
      .extension(43, Uint8Array.of(type, segmentsLeft, ...new Uint8Array(20)))
      .tcp({ from: six.clientPort, to: v6.port, seq: 1, ack: 2, flags: 'A' });
  const dropped = { out: [], counters: { 'drop-source-route': 1 } };
  four.rig.play([
    {
      what: 'loose source and record route',
      in: four.client({ ...segment, ...onward(131, 7, 4, 10, 0, 0, 99, 0) }),
      ...dropped,
    },
    {
      what: 'strict, behind another option',
      in: four.client({ ...segment, ...onward(1, 137, 7, 4, 10, 0, 0, 99) }),
      ...dropped,
    },
  ]);
  six.rig.play([
    { what: 'a routing header of type 0', in: [OUTSIDE, routed(0, 1)], ...dropped },
    { what: 'a segment routing header', in: [OUTSIDE, routed(4, 1)], ...dropped },
  ]);
  assert.equal(six.rig.send(OUTSIDE, routed(4, 0)).length, 1, 'one that has been followed to its end passes');
});

test('an IPv4-mapped address in an IPv6 header is not taken for the IPv4 one', () => {
  const [topology] = TOPOLOGIES;
  const rig = new Rig({ topology });
  const mapped = concat(new Uint8Array(10), Uint8Array.of(255, 255));
  const bytes = (text: string) => concat(mapped, Uint8Array.from(text.split('.').map(Number)));
  const frame = packet()
    .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
    .ipv6({ from: bytes(topology.client(1)), to: bytes(topology.vip) })
    .tcp({ from: 1, to: 80, flags: 'S' });
  assert.deepEqual(rig.send(OUTSIDE, frame), []);
  assert.equal(rig.balancer.connections.count, 0);
});

function dropCount(rig: Rig): number {
  const counters: Record<string, number> = rig.balancer.counters.snapshot();
  return Object.entries(counters).reduce(
    (sum, [name, value]) => sum + (/^(drop|ignored)-/.test(name) ? value : 0),
    0,
  );
}
