import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow } from '../../support/flow.js';
import { packet } from '../../support/packet-builder.js';
import { neighborReply, questionIn, Rig, type Sent } from '../../support/rig.js';
import { INSIDE, IPV4, IPV6, MACS, OUTSIDE, TOPOLOGIES, type Topology } from '../../support/topology.js';
import { address, addressText, concat, hex, mac, macText } from '../../support/wire.js';

const EVERYBODY = 'ff:ff:ff:ff:ff:ff';
const ASKER = '02:00:00:00:0a:0a';

/** The group of RFC 4291 2.7.1 that solicitations for an address go to, and its MAC address (RFC 2464 7). */
function solicitedNode(target: string): { address: string; mac: string } {
  const tail = address(target).slice(13);
  const group = concat(hex('ff02 0000 0000 0000 0000 0001 ff'), tail);
  return { address: addressText(group), mac: macText(concat(hex('3333 ff'), tail)) };
}

function arpRequest(target: string, sender: string, to = EVERYBODY, from = ASKER) {
  return packet().ethernet({ from, to }).arp({ operation: 'request', senderMac: from, sender, target });
}

function solicitation(target: string, from: string, sourceMac: string | undefined = ASKER, ttl = 255) {
  const group = solicitedNode(target);
  return packet()
    .ethernet({ from: ASKER, to: group.mac })
    .ip({ from, to: group.address, ttl })
    .neighborSolicitation({ target, ...(sourceMac !== undefined && { sourceMac }) });
}

function arpReply(link: number, sender: string, target: string, to = ASKER) {
  const from = MACS.balancer[link]!;
  return packet()
    .ethernet({ from, to })
    .arp({ operation: 'reply', senderMac: from, sender, targetMac: to, target });
}

function advert(link: number, target: string, to: string, toMac = ASKER, flags = 'SO') {
  return packet()
    .ethernet({ from: MACS.balancer[link]!, to: toMac })
    .ip({ from: target, to, ttl: 255 })
    .neighborAdvertisement({ target, targetMac: MACS.balancer[link]!, flags });
}

/** What the balancer asks when it looks for a neighbor. */
function question(topology: Topology, link: number, target: string, source: string) {
  const from = MACS.balancer[link]!;
  if (topology.family === 4) return arpRequest(target, source, EVERYBODY, from);
  const group = solicitedNode(target);
  return packet()
    .ethernet({ from, to: group.mac })
    .ip({ from: source, to: group.address, ttl: 255 })
    .neighborSolicitation({ target, sourceMac: from });
}

test('ARP requests are answered for the VIP outside and the local address inside, and for nobody else', () => {
  const rig = new Rig({ topology: IPV4, strangers: true });
  const [lip] = IPV4.localAddresses as [string];
  rig.play([
    {
      what: 'the VIP',
      in: [OUTSIDE, arpRequest(IPV4.vip, IPV4.gateway)],
      out: [[OUTSIDE, arpReply(OUTSIDE, IPV4.vip, IPV4.gateway)]],
      counters: { 'answer-arp': 1 },
    },
    {
      what: 'the VIP, asked for by unicast',
      in: [OUTSIDE, arpRequest(IPV4.vip, IPV4.gateway, MACS.balancer[OUTSIDE])],
      out: [[OUTSIDE, arpReply(OUTSIDE, IPV4.vip, IPV4.gateway)]],
      counters: { 'answer-arp': 1 },
    },
    {
      what: 'the local address',
      in: [INSIDE, arpRequest(lip, '10.0.0.17')],
      out: [[INSIDE, arpReply(INSIDE, lip, '10.0.0.17')]],
      counters: { 'answer-arp': 1 },
    },
    {
      what: 'a probe for a duplicate (RFC 5227), which has no sender',
      in: [OUTSIDE, arpRequest(IPV4.vip, '0.0.0.0')],
      out: [[OUTSIDE, arpReply(OUTSIDE, IPV4.vip, '0.0.0.0')]],
      counters: { 'answer-arp': 1 },
    },
    {
      what: 'the VIP on the wrong link',
      in: [INSIDE, arpRequest(IPV4.vip, '10.0.0.17')],
      out: [],
      counters: { 'ignored-arp': 1 },
    },
    {
      what: 'the local address on the wrong link',
      in: [OUTSIDE, arpRequest(lip, IPV4.gateway)],
      out: [],
      counters: { 'ignored-arp': 1 },
    },
    {
      what: 'an address of somebody else',
      in: [OUTSIDE, arpRequest('198.51.100.77', IPV4.gateway)],
      out: [],
      counters: { 'ignored-arp': 1 },
    },
  ]);
});

test('neighbor solicitations are answered for the VIP outside and the local address inside, and for nobody else', () => {
  const rig = new Rig({ topology: IPV6, strangers: true });
  const [lip] = IPV6.localAddresses as [string];
  const answered = { 'answer-ndp': 1 };
  const ignored = { 'ignored-ndp': 1 };
  rig.play([
    {
      what: 'the VIP',
      in: [OUTSIDE, solicitation(IPV6.vip, IPV6.gateway)],
      out: [[OUTSIDE, advert(OUTSIDE, IPV6.vip, IPV6.gateway, ASKER, 'SO')]],
      counters: answered,
    },
    {
      what: 'the local address, asked for from a link-local one',
      in: [INSIDE, solicitation(lip, 'fe80::17')],
      out: [[INSIDE, advert(INSIDE, lip, 'fe80::17', ASKER, 'SO')]],
      counters: answered,
    },
    {
      what: 'a probe for a duplicate, answered to all nodes (RFC 4861 7.2.4)',
      in: [OUTSIDE, solicitation(IPV6.vip, '::', undefined)],
      out: [[OUTSIDE, advert(OUTSIDE, IPV6.vip, 'ff02::1', '33:33:00:00:00:01', 'O')]],
      counters: answered,
    },
    {
      what: 'the VIP on the wrong link',
      in: [INSIDE, solicitation(IPV6.vip, 'fd00::11')],
      out: [],
      counters: ignored,
    },
    {
      what: 'an address of somebody else',
      in: [OUTSIDE, solicitation('2001:db8:100::77', IPV6.gateway)],
      out: [],
      counters: ignored,
    },
    {
      what: 'a question that has crossed a router',
      in: [OUTSIDE, solicitation(IPV6.vip, IPV6.gateway, ASKER, 254)],
      out: [],
      counters: { 'drop-bad-ndp': 1 },
    },
  ]);
});

for (const topology of TOPOLOGIES) {
  const { family } = topology;
  test(`IPv${family}: every address of a CIDR that is near on a link is answered for there, none beside it nor elsewhere`, () => {
    const vip = (n: number) => (family === 4 ? `198.51.100.${n}` : `2001:db8:100::5:${n.toString(16)}`);
    const network = `${vip(64)}/${family === 4 ? 26 : 122}`;
    const rig = new Rig({ topology, strangers: true, service: { address: network } });
    const [request, answer, counter] =
      family === 4 ? ([arpRequest, arpReply, 'arp'] as const) : ([solicitation, advert, 'ndp'] as const);
    const row = (link: number, n: number, answered: boolean) => ({
      what: `${vip(n)} on link ${link}`,
      in: [link, request(vip(n), topology.gateway)] as const,
      out: answered ? [[link, answer(link, vip(n), topology.gateway)] as const] : [],
      counters: { [`${answered ? 'answer' : 'ignored'}-${counter}`]: 1 },
    });
    rig.play([64, 100, 127].map((n) => row(OUTSIDE, n, true)));
    rig.play([63, 128].map((n) => row(OUTSIDE, n, false)));
    rig.play([row(INSIDE, 64, false)]);
  });
}

test('at the start every address is announced on its link, and real servers are asked for', () => {
  const four = new Rig({ topology: IPV4, strangers: true });
  four.balancer.start(four.now);
  const announced = (sent: readonly Sent[]) =>
    sent.map(({ link, decoded }) => `${link} ${decoded.arp?.sender}`);
  const started = four.drain();
  const arps = started.filter(({ decoded }) => questionIn(decoded) === undefined);
  assert.deepEqual(
    started.map(({ decoded }) => questionIn(decoded)?.target).filter(Boolean),
    IPV4.realServers,
  );
  assert.deepEqual(announced(arps).sort(), [`0 ${IPV4.vip}`, `1 ${IPV4.localAddresses[0]}`]);
  for (const { link, decoded } of arps) {
    assert.equal(decoded.to, EVERYBODY);
    assert.equal(decoded.arp?.sender, decoded.arp?.target, 'gratuitous: it asks for itself');
    assert.equal(decoded.arp?.senderMac, MACS.balancer[link]);
  }
  const six = new Rig({ topology: IPV6, strangers: true });
  six.balancer.start(six.now);
  const sent = six.drain();
  const adverts = sent.filter(({ decoded }) => decoded.icmp?.type === 136);
  assert.deepEqual(
    adverts
      .map(({ link, decoded }) => `${link} ${addressText(decoded.icmp!.body.slice(0, 16))} ${decoded.to}`)
      .sort(),
    [`0 ${IPV6.vip} 33:33:00:00:00:01`, `1 ${IPV6.localAddresses[0]} 33:33:00:00:00:01`],
  );
  for (const { decoded } of sent) assert.equal(decoded.icmp?.checksumRight, true);
  assert.deepEqual(sent.map(({ decoded }) => questionIn(decoded)?.target).filter(Boolean), IPV6.realServers);
  const reports = sent.filter(({ decoded }) => decoded.icmp?.type === 143);
  const groups = reports.map(({ decoded }) => addressText(decoded.icmp!.body.slice(4, 20)));
  assert.deepEqual(
    groups.sort(),
    [IPV6.vip, IPV6.localAddresses[0]!].map((own) => solicitedNode(own).address).sort(),
  );
  for (const { decoded } of reports) {
    assert.equal(decoded.ip?.ttl, 1, 'MLD does not leave the link (RFC 3810 5)');
    assert.deepEqual(decoded.ip?.extensions, [0], 'with a router alert');
  }
});

test('hundreds of addresses are all announced, in as many steps as it takes', () => {
  const many = (text: (n: number) => string) => Array.from({ length: 600 }, (_, n) => text(n));
  for (const [topology, network, localAddresses] of [
    [IPV4, '10.0.0.0/16', many((n) => `10.0.${8 + (n >> 8)}.${n & 255}`)],
    [IPV6, 'fd00::/64', many((n) => `fd00::8:${n.toString(16)}`)],
  ] as const) {
    const routes = [
      { to: topology.outsideNetwork, link: 'outside' },
      { to: network, link: 'inside' },
    ];
    const rig = new Rig({ topology, routes, service: { localAddresses }, strangers: true });
    const announcedOf = (sent: readonly Sent[]) =>
      sent.flatMap(({ link, decoded: { arp, icmp } }) => {
        if (link !== INSIDE) return [];
        if (arp !== undefined) return arp.sender === arp.target ? [arp.sender] : [];
        return icmp?.type === 136 ? [addressText(icmp.body.slice(0, 16))] : [];
      });
    rig.balancer.start(rig.now);
    assert.deepEqual(announcedOf([...rig.drain(), ...rig.wait(2000)]), localAddresses);
    rig.balancer.linkUp(INSIDE, rig.now);
    assert.deepEqual(announcedOf([...rig.drain(), ...rig.wait(2000)]), localAddresses);
    assert.equal(rig.counter('drop-out-of-buffers'), 0);
  }
});

for (const topology of TOPOLOGIES) {
  const name = (what: string) => `IPv${topology.family}: ${what}`;
  const [lip] = topology.localAddresses as [string];
  const [server] = topology.realServers as [string];
  const asked = topology.family === 4 ? 'arp-request' : 'neighbor-solicitation';
  const serverQuestion = question(topology, INSIDE, server, lip);
  const serverAnswer = neighborReply(INSIDE, server, MACS.server(0), lip);
  const single = { realServers: [{ address: server, port: 8080 }] };

  test(name('a frame waits for its next hop and goes out once the neighbor has answered'), () => {
    const rig = new Rig({ topology, strangers: true, service: single });
    const flow = new Flow(rig);
    rig.play([
      {
        what: 'the SYN waits, the real server is asked for',
        in: flow.client({ flags: 'S' }),
        out: [[INSIDE, serverQuestion]],
        counters: { [asked]: 1 },
      },
      { what: 'sent again, it waits too', in: flow.client({ flags: 'S' }), out: [] },
    ]);
    const sent = rig.send(INSIDE, serverAnswer);
    flow.learn(sent[0]!);
    const syn = flow.toServer({ flags: 'S' });
    rig.expect('both SYNs', sent, [syn, syn]);
    const synAck = { flags: 'SA', ack: 1 };
    const reset = { flags: 'RA', seq: 1, ack: 1 };
    rig.play([
      {
        what: 'the SYN-ACK waits for the gateway',
        in: flow.fromServer(synAck),
        out: [[OUTSIDE, question(topology, OUTSIDE, topology.gateway, topology.vip)]],
        counters: { [asked]: 1 },
      },
      {
        what: 'until it has answered',
        in: [OUTSIDE, neighborReply(OUTSIDE, topology.gateway, MACS.gateway, topology.vip)],
        out: [flow.toClient(synAck)],
        counters: { 'neighbor-learned': 1 },
      },
      { what: 'from then on nobody waits', in: flow.fromServer(reset), out: [flow.toClient(reset)] },
    ]);
  });

  test(name('a frame that waited is counted as forwarded when it goes out, and not before'), () => {
    const rig = new Rig({ topology, strangers: true, service: single });
    rig.send(...new Flow(rig).client({ flags: 'S' }));
    assert.equal(rig.counter('frames-forwarded'), 0);
    rig.send(INSIDE, serverAnswer);
    assert.equal(rig.counter('frames-forwarded'), 1);
  });

  test(name('the queue for an unknown neighbor is bounded'), () => {
    const rig = new Rig({ topology, strangers: true, service: single });
    const flow = new Flow(rig);
    for (let i = 0; i < 100; i++) rig.send(...flow.client({ flags: 'S' }));
    assert.equal(rig.counter('drop-neighbor-queue-full'), 68);
    assert.equal(rig.send(INSIDE, serverAnswer).length, 32);
  });

  test(
    name('a neighbor that never answers is asked a few times, then what waits is dropped and counted'),
    () => {
      const rig = new Rig({ topology, strangers: true, service: single });
      const flow = new Flow(rig);
      const questions = [...rig.send(...flow.client({ flags: 'S' })), ...rig.wait(10_000)];
      assert.ok(questions.length >= 3 && questions.length <= 5, `${questions.length} questions`);
      rig.expect(
        'each asks the same',
        questions,
        questions.map(() => [INSIDE, serverQuestion]),
      );
      assert.equal(rig.counter('drop-neighbor-unresolved'), 1);
      assert.equal(rig.counter('neighbor-failed'), 1);
      assert.deepEqual(rig.send(INSIDE, serverAnswer), [], 'a late answer finds nothing waiting');
      const again = rig.send(...new Flow(rig, { port: 2 }).client({ flags: 'S' }));
      assert.equal(again.length, 1, 'the next one goes out or asks again');
    },
  );

  test(name('a neighbor that moves is followed'), () => {
    const rig = new Rig({ topology, strangers: true, service: single });
    const flow = new Flow(rig);
    rig.send(...flow.client({ flags: 'S' }));
    flow.learn(rig.send(INSIDE, serverAnswer)[0]!);
    const moved = '02:00:00:00:02:99';
    rig.play([
      {
        what: 'it says so',
        in: [INSIDE, neighborReply(INSIDE, server, moved, lip)],
        out: [],
        counters: { 'neighbor-changed': 1 },
      },
    ]);
    const [sent] = rig.send(...flow.client({ flags: 'S' }));
    assert.equal(sent?.decoded.to, moved);
  });

  test(name('a neighbor cannot be moved to a group address or to our own claims'), () => {
    const rig = new Rig({ topology, strangers: true, service: single });
    const flow = new Flow(rig);
    rig.send(...flow.client({ flags: 'S' }));
    flow.learn(rig.send(INSIDE, serverAnswer)[0]!);
    for (const odd of [EVERYBODY, '01:00:5e:00:00:01', '00:00:00:00:00:00']) {
      rig.send(INSIDE, neighborReply(INSIDE, server, odd, lip));
      const [sent] = rig.send(...flow.client({ flags: 'S' }));
      assert.equal(sent?.decoded.to, MACS.server(0), `not at ${odd}`);
    }
  });

  test(name('a known neighbor is asked again in time, by and by, while its frames go out'), () => {
    const rig = new Rig({ topology, strangers: true, service: single });
    const flow = new Flow(rig);
    rig.send(...flow.client({ flags: 'S' }));
    flow.learn(rig.send(INSIDE, serverAnswer)[0]!);
    let questions = 0;
    for (let second = 0; second < 100; second++) {
      const sent = [...rig.wait(1000), ...rig.send(...flow.client({ flags: 'S' }))];
      const forwarded = sent.filter(({ decoded }) => decoded.tcp !== undefined);
      assert.equal(forwarded.length, 1, 'never held up');
      const asks = sent.length - forwarded.length;
      questions += asks;
      if (asks > 0) rig.send(INSIDE, serverAnswer);
    }
    assert.ok(questions >= 1 && questions <= 10, `${questions} questions in 100 s`);
  });

  test(
    name('a gateway that sends from another MAC address is asked, and believed only when it answers'),
    () => {
      const rig = new Rig({ topology });
      const flow = new Flow(rig).settled();
      rig.wait(5000);
      const moved = '02:00:00:00:01:99';
      const segment = { flags: 'A', seq: 1, ack: 2 };
      const [link, frame] = flow.client(segment);
      const { bytes, virtio } = frame.build();
      bytes.set(mac(moved), 6);
      rig.send(link, { bytes, virtio });
      const [answer] = rig.send(...flow.fromServer({ flags: 'A', seq: 2, ack: 1 }));
      assert.equal(answer?.decoded.to, MACS.gateway, 'it has answered from its old address');
    },
  );
}

/** Topologies in which clients are neighbors of the balancer, in a network with room for many. */
const NEAR: readonly Topology[] = [
  { ...IPV4, outsideNetwork: '198.51.0.0/16', client: (n) => `198.51.${n >> 8}.${n & 255}` },
  { ...IPV6, client: (n) => `2001:db8:100::1:${n.toString(16)}` },
];

for (const topology of NEAR) {
  const strangers = Array.from({ length: 700 }, (_, i) => 1000 + i);
  const answerOf = (n: number) => neighborReply(OUTSIDE, topology.client(n), MACS.gateway, topology.vip);

  test(`IPv${topology.family}: strangers who never answer for their addresses take nothing from others`, () => {
    const rig = new Rig({ topology });
    const good = new Flow(rig, { client: 5 });
    good.syn();
    rig.send(...good.fromServer({ flags: 'SA', ack: 1 }));
    assert.equal(rig.send(OUTSIDE, answerOf(5)).length, 1, 'the SYN-ACK has waited for the answer');
    for (const client of strangers) {
      const flow = new Flow(rig, { client });
      flow.syn();
      rig.send(...flow.fromServer({ flags: 'SA', ack: 1 }));
    }
    assert.ok(rig.counter('drop-neighbor-queue-full') > 0, 'not all may wait');
    assert.equal(rig.counter('drop-out-of-buffers'), 0, 'and buffers are left');
    for (let second = 0; second < 40; second++) {
      const ack = { flags: 'A', seq: 1, ack: 6 };
      const sent = [...rig.wait(1000), ...rig.send(...good.fromServer(ack))];
      rig.expect(`after ${second} s`, sent.slice(-1), [good.toClient(ack)]);
      const asked = sent.map(({ decoded }) => questionIn(decoded)?.target);
      if (asked.includes(topology.client(5))) rig.send(OUTSIDE, answerOf(5));
    }
    assert.equal(rig.balancer.connections.count, 1, 'the strangers are forgotten');
    assert.equal(rig.counter('drop-neighbor-unresolved') + rig.counter('drop-neighbor-queue-full'), 700);
  });

  test(`IPv${topology.family}: a full table of neighbors refuses new ones, each counted once, and never the gateway`, () => {
    const rig = new Rig({ topology, settings: { maxConnections: 16384 } });
    const room = 8192 - topology.realServers.length - 1;
    for (let n = 0; n < room + 3; n++)
      rig.send(...new Flow(rig, { client: 1000 + n }).client({ flags: 'S' }));
    assert.equal(rig.balancer.connections.count, room);
    assert.equal(rig.counter('drop-neighbor-table-full'), 3);
    const far = topology.family === 4 ? IPV4 : IPV6;
    rig.send(
      OUTSIDE,
      packet()
        .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
        .ip({ from: far.client(7), to: topology.vip })
        .tcp({ from: 51514, to: 80, flags: 'S' }),
    );
    assert.equal(rig.balancer.connections.count, room + 1, 'who comes by the gateway still gets in');
  });
}

test('an advertisement that does not override tells a new address and leaves a known one (RFC 4861 7.2.5)', () => {
  const [lip] = IPV6.localAddresses as [string];
  const [server] = IPV6.realServers as [string];
  const rig = new Rig({ topology: IPV6, strangers: true });
  const flow = new Flow(rig);
  const advert = (targetMac: string) =>
    packet()
      .ethernet({ from: targetMac, to: MACS.balancer[INSIDE] })
      .ip({ from: server, to: lip, ttl: 255 })
      .neighborAdvertisement({ target: server, targetMac, flags: 'S' });
  rig.send(...flow.client({ flags: 'S' }));
  flow.learn(rig.send(INSIDE, advert(MACS.server(0)))[0]!);
  rig.play([
    {
      what: 'a proxy speaks for it',
      in: [INSIDE, advert('02:00:00:00:02:99')],
      out: [],
      counters: { 'ignored-ndp': 1 },
    },
    { what: 'nothing has changed', in: flow.client({ flags: 'S' }), out: [flow.toServer({ flags: 'S' })] },
  ]);
});

test('frames for another MAC address, and to nobody of ours, are dropped and counted', () => {
  const rig = new Rig({ topology: IPV4 });
  const tcp = { from: 1, to: 80, flags: 'S' };
  const ip = { from: IPV4.client(1), to: IPV4.vip };
  rig.play([
    {
      what: 'another MAC',
      in: [OUTSIDE, packet().ethernet({ from: MACS.gateway, to: '02:00:00:00:0c:0c' }).ip(ip).tcp(tcp)],
      out: [],
      counters: { 'drop-not-for-us': 1 },
    },
    {
      what: 'TCP to everybody',
      in: [OUTSIDE, packet().ethernet({ from: MACS.gateway, to: EVERYBODY }).ip(ip).tcp(tcp)],
      out: [],
      counters: { 'drop-not-for-us': 1 },
    },
    {
      what: 'an address that is not ours: the balancer is no router',
      in: [
        OUTSIDE,
        packet()
          .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
          .ip({ ...ip, to: '198.51.100.99' })
          .tcp(tcp),
      ],
      out: [],
      counters: { 'drop-unknown-address': 1 },
    },
    {
      what: 'an Ethernet type of nobody',
      in: [
        OUTSIDE,
        packet().ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE], type: 0x88cc }).payload(50),
      ],
      out: [],
      counters: { 'drop-unknown-ethertype': 1 },
    },
  ]);
});

for (const topology of TOPOLOGIES) {
  test(`IPv${topology.family}: VIP and local address answer to ping`, () => {
    const rig = new Rig({ topology });
    const [request, reply] = topology.family === 4 ? [8, 0] : [128, 129];
    for (const [link, own, other, otherMac] of [
      [OUTSIDE, topology.vip, topology.client(3), MACS.gateway],
      [INSIDE, topology.localAddresses[0]!, topology.realServers[0]!, MACS.server(0)],
    ] as const) {
      rig.play([
        {
          what: own,
          in: [
            link,
            packet()
              .ethernet({ from: otherMac, to: MACS.balancer[link]! })
              .ip({ from: other, to: own, ttl: 7 })
              .icmp({ type: request, rest: 0x12340001 })
              .payload(56),
          ],
          out: [
            [
              link,
              packet()
                .ethernet({ from: MACS.balancer[link]!, to: otherMac })
                .ip({ from: own, to: other })
                .icmp({ type: reply, rest: 0x12340001 })
                .payload(56),
            ],
          ],
          counters: { 'answer-echo': 1 },
        },
      ]);
    }
  });
}
