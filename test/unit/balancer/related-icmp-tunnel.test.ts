import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow, type FlowSegment } from '../../support/flow.js';
import { type IcmpFields, packet } from '../../support/packet-builder.js';
import { type OnLink, Rig } from '../../support/rig.js';
import { configuration, INSIDE, IPV4, IPV6, MACS, OUTSIDE, type Topology } from '../../support/topology.js';
import { address, addressText, concat, hex } from '../../support/wire.js';

const KINDS = {
  tooBig: { 4: { type: 3, code: 4 }, 6: { type: 2, code: 0 } },
  timeExceeded: { 4: { type: 11, code: 0 }, 6: { type: 3, code: 0 } },
  host: { 4: { type: 3, code: 1 }, 6: { type: 1, code: 0 } },
} as const;
const ROUTER = { 4: '192.0.2.99', 6: '2001:db8:99::1' } as const;
const MOST = { 4: 576 - 28, 6: 1280 - 48 } as const;
const HEADER = { 4: 20, 6: 40 } as const;

/** The clients' topology with real servers of one family. */
function tunnelTo(clients: Topology, inside: Topology): Topology {
  return {
    ...clients,
    localAddresses: inside.localAddresses,
    realServers: inside.realServers,
    insideNetwork: inside.insideNetwork,
  };
}

for (const [clients, inside] of [
  [IPV4, IPV4],
  [IPV6, IPV6],
  [IPV4, IPV6],
  [IPV6, IPV4],
] as const) {
  const topology = tunnelTo(clients, inside);
  const { family } = clients;
  const outer = inside.family;
  const header = HEADER[outer];
  const name = (what: string) => `a tunnel of IPv${outer} for IPv${family}: ${what}`;
  const tunnel = (): Rig =>
    new Rig({
      topology,
      service: { mode: 'tun', realServers: topology.realServers.map((address) => ({ address })) },
    });

  /** The outer packet that comes out when the client sends a segment. */
  const through = (flow: Flow, segment: FlowSegment): Uint8Array => {
    const [sent] = flow.rig.send(...flow.client(segment));
    return sent!.bytes.slice(14);
  };
  /** An error of a router in the tunnel. */
  const error = (fields: IcmpFields, about: Uint8Array, link: 0 | 1 = INSIDE): OnLink => {
    const ethernet = packet().ethernet({ from: MACS.gateway, to: MACS.balancer[link] });
    const ip = ethernet.ip({ from: ROUTER[outer], to: topology.localAddresses[0]! });
    return [link, ip.icmp(fields).payload(about.slice(0, MOST[outer]))];
  };
  /** What the client must receive about its segment. */
  const told = (flow: Flow, fields: IcmpFields, segment: FlowSegment): OnLink => {
    const about = flow
      .client({ ...segment, ip: { ...segment.ip, ttl: 63 } })[1]
      .bytes()
      .slice(14);
    const ethernet = packet().ethernet({ from: MACS.balancer[OUTSIDE], to: MACS.gateway });
    const ip = ethernet.ip({ from: topology.vip, to: flow.clientAddress, ttl: 63 });
    const quoted = about.slice(0, Math.min(MOST[family], MOST[outer] - header));
    return [OUTSIDE, ip.icmp(fields).payload(quoted)];
  };

  test(name('errors about the way reach the client, about its own packet'), () => {
    const rig = tunnel();
    const flow = new Flow(rig);
    rig.send(...flow.client({ flags: 'S' }));
    const segment = { flags: 'PA', seq: 1, ack: 1, payload: 700 };
    const about = through(flow, segment);
    for (const kind of [KINDS.timeExceeded, KINDS.host]) {
      rig.play([
        {
          what: 'an error',
          in: error(kind[outer], about),
          out: [told(flow, kind[family], segment)],
          counters: { 'icmp-error-to-client': 1 },
        },
      ]);
    }
  });

  test(name('a path MTU is told less the header, and the next packet is answered at once'), () => {
    const rig = tunnel();
    const flow = new Flow(rig);
    rig.send(...flow.client({ flags: 'S' }));
    const full = { flags: 'A', seq: 1, ack: 1, payload: 1400 - 40 - HEADER[family] };
    const mtu = 1380;
    const about = through(flow, full);
    rig.play([
      {
        what: 'the first learns it from a router,',
        in: error({ ...KINDS.tooBig[outer], rest: mtu }, about),
        out: [told(flow, { ...KINDS.tooBig[family], rest: mtu - header }, full)],
        counters: { 'icmp-error-to-client': 1 },
      },
    ]);
    const [answer] = rig.send(...flow.client(full));
    assert.deepEqual(
      [answer?.decoded.icmp?.type, answer?.decoded.icmp?.rest],
      [KINDS.tooBig[family].type, mtu - header],
      'the second from the balancer',
    );
    const other = new Flow(rig, { port: 2 });
    rig.send(...other.client({ flags: 'S' }));
    assert.equal(
      rig.send(...other.client(full))[0]?.decoded.icmp,
      undefined,
      'another real server is not meant',
    );
    rig.send(...error({ ...KINDS.tooBig[outer], rest: mtu + 10 }, about));
    assert.equal(rig.send(...flow.client(full))[0]?.decoded.icmp?.rest, mtu - header, 'it is never raised');
    rig.wait(595_000);
    const third = new Flow(rig, { port: 3 });
    rig.send(...third.client({ flags: 'S' }));
    assert.equal(rig.send(...third.client(full))[0]?.decoded.icmp?.rest, mtu - header, 'for ten minutes');
    rig.wait(6_000);
    const late = rig.send(...third.client(full))[0];
    assert.equal(late?.link, INSIDE, 'then it is tried again');
  });

  test(name('a path MTU that cannot be is not believed'), () => {
    const rig = tunnel();
    const flow = new Flow(rig);
    rig.send(...flow.client({ flags: 'S' }));
    const full = { flags: 'A', seq: 1, ack: 1, payload: 1300 - 20 - HEADER[family] };
    const about = through(flow, full);
    const play = (what: string, input: OnLink, counter: string) =>
      rig.play([{ what, in: input, out: [], counters: { [counter]: 1 } }]);
    const kind = KINDS.tooBig[outer];
    const total = 1300 + header;
    play('it would have fit', error({ ...kind, rest: total }, about), 'drop-icmp-implausible');
    play('by the clients’ link', error({ ...kind, rest: 1290 }, about, OUTSIDE), 'drop-icmp-wrong-side');
    const stranger = about.slice();
    stranger[header + HEADER[family]]! ^= 1;
    play('of no connection', error({ ...kind, rest: 1290 }, stranger), 'drop-icmp-unknown-connection');
    const elsewhere = about.slice();
    elsewhere[header - 1]! ^= 1;
    play('to another end', error({ ...kind, rest: 1290 }, elsewhere), 'drop-icmp-unknown-connection');
    play(
      'about the outer header',
      error({ ...{ 4: { type: 12 }, 6: { type: 4 } }[outer] }, about),
      'drop-icmp-untranslatable',
    );
    const cut = about.slice(0, header + HEADER[family] + 7);
    play('of which too little is quoted', error({ ...kind, rest: 1290 }, cut), 'drop-icmp-malformed');
    assert.equal(rig.send(...flow.client(full))[0]?.link, INSIDE, 'the packet still goes its way');
    rig.send(...error({ ...kind, rest: 100 }, about));
    const least = Math.max(outer === 4 ? 552 - 20 : 1280 - 40, family === 6 ? 1280 : 0);
    const larger = { ...full, payload: 1300 };
    assert.equal(rig.send(...flow.client(larger))[0]?.decoded.icmp?.rest, least, 'nor one that is tiny');
  });

  if (family === 4) {
    test(name('a client that lets its packets be cut is told nothing of MTUs; the outer one is cut'), () => {
      const rig = tunnel();
      const flow = new Flow(rig);
      rig.send(...flow.client({ flags: 'S' }));
      const segment = { flags: 'A', seq: 1, ack: 1, payload: 1300, ip: { dontFragment: false, id: 77 } };
      const about = through(flow, segment);
      rig.play([
        {
          what: 'too big',
          in: error({ ...KINDS.tooBig[outer], rest: 1300 }, about),
          out: [],
          counters: { 'icmp-error-noted': 1 },
        },
      ]);
      const sent = rig.send(...flow.client(segment));
      assert.equal(sent.length, 2);
      for (const { bytes, link } of sent) assert.ok(link === INSIDE && bytes.length - 14 <= 1300);
    });
  }
}

test('errors about the answers of a real server of TUN go to it through the tunnel', () => {
  const realServers = IPV4.realServers.map((address) => ({ address }));
  const rig = new Rig({ topology: IPV4, service: { mode: 'tun', realServers } });
  rig.send(...new Flow(rig).client({ flags: 'S' }));
  const answer = packet().ip({ from: IPV4.vip, to: IPV4.client(7), ttl: 60 });
  const about = answer.tcp({ from: 80, to: 51514, flags: 'A' }).payload(300).bytes();
  const icmp = { ...KINDS.tooBig[4], rest: 1300 };
  const ends = { from: ROUTER[4], to: IPV4.vip };
  const ethernet = packet().ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] });
  const [sent] = rig.send(OUTSIDE, ethernet.ip(ends).icmp(icmp).payload(about));
  assert.equal(sent?.link, INSIDE);
  assert.equal(sent.decoded.ip?.protocol, 4);
  const inner = packet()
    .ip({ ...ends, ttl: 63 })
    .icmp(icmp)
    .payload(about);
  assert.deepEqual(sent.decoded.ip.payload, inner.bytes());
  assert.equal(rig.counter('icmp-error-to-server'), 1);
});

test('an IPv6 packet with IPv4-mapped addresses in a tunnel is none of an IPv4 connection', () => {
  const rig = new Rig({
    topology: IPV4,
    service: { mode: 'tun', realServers: IPV4.realServers.map((address) => ({ address })) },
  });
  const flow = new Flow(rig).open();
  const { vip, port, localAddresses, realServers, family } = IPV4;
  const mapped = (text: string) => addressText(concat(new Uint8Array(10), hex('ffff'), address(text)));
  const inner = packet()
    .ip({ from: mapped(flow.clientAddress), to: mapped(vip) })
    .tcp({ from: flow.clientPort, to: port, flags: 'A' });
  const outer = packet().ip({ from: localAddresses[0]!, to: realServers[flow.server]!, protocol: 41 });
  const ethernet = packet().ethernet({ from: MACS.gateway, to: MACS.balancer[INSIDE] });
  const error = ethernet.ip({ from: ROUTER[family], to: localAddresses[0]! }).icmp(KINDS.host[family]);
  rig.play([
    {
      what: 'an error about it',
      in: [INSIDE, error.payload(outer.payload(inner.bytes()).bytes())],
      out: [],
      counters: { 'drop-icmp-malformed': 1 },
    },
  ]);
});

test('a path MTU that was learned is forgotten when routes change: the way is another', () => {
  const service = { mode: 'tun', realServers: IPV4.realServers.map((address) => ({ address })) } as const;
  const rig = new Rig({ topology: IPV4, service });
  const flow = new Flow(rig).open();
  const full = { flags: 'A', seq: 1, ack: 1, payload: 1340 };
  const [sent] = rig.send(...flow.client(full));
  const ethernet = packet().ethernet({ from: MACS.gateway, to: MACS.balancer[INSIDE] });
  const error = ethernet
    .ip({ from: ROUTER[4], to: IPV4.localAddresses[0]! })
    .icmp({ ...KINDS.tooBig[4], rest: 1380 });
  rig.send(INSIDE, error.payload(sent!.bytes.slice(14, 14 + 500)));
  rig.send(...flow.client(full));
  assert.equal(rig.counter('drop-too-big'), 1);
  const routes = [
    { to: IPV4.everything, link: 'outside', via: IPV4.gateway },
    { to: IPV4.outsideNetwork, link: 'outside' },
    { to: IPV4.insideNetwork, link: 'inside', mtu: 1450 },
  ];
  const { faults } = rig.balancer.apply(configuration(IPV4, { service, routes }), rig.now);
  assert.equal(faults, undefined);
  rig.wait(250);
  rig.play([{ what: 'the same once more', in: flow.client(full), out: [flow.toServer(full)] }]);
});
