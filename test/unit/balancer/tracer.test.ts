import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Frame, HEADROOM, Tracer, type TraceStep } from '../../../lib/balancer/index.js';
import { packetText } from '../../../lib/balancer/packet-text.js';
import { fragmentsOf } from '../../model/fragmentation.js';
import { Datagrams } from '../../support/datagrams.js';
import { Flow } from '../../support/flow.js';
import { type PacketBuilder, packet } from '../../support/packet-builder.js';
import { decodeFrame } from '../../support/packet-decoder.js';
import { HANDSHAKE_ACK, ProxiedFlow } from '../../support/proxied-flow.js';
import { neighborReply, Rig } from '../../support/rig.js';
import { INSIDE, IPV4, MACS, OUTSIDE, TOPOLOGIES } from '../../support/topology.js';
import { addressText, hex } from '../../support/wire.js';

const START = HEADROOM + 10;

/** Hands frames to a tracer as a daemon does. */
function traced(rig: Rig, client: string, port?: number) {
  const steps: TraceStep[] = [];
  const tracer = new Tracer(rig.balancer, { address: client, port }, (step) => steps.push(step));
  const send = (link: number, built: PacketBuilder) => {
    const { bytes, virtio } = built.build();
    const buffer = new Uint8Array(START + bytes.length + 64);
    buffer.set(virtio, START - 10);
    buffer.set(bytes, START);
    const verdict = tracer.process(new Frame(buffer).at(START, bytes.length, link), rig.now);
    rig.drain();
    return verdict;
  };
  const wait = (seconds: number) => {
    for (let tick = 0; tick < 4 * seconds; tick++) {
      rig.now += 250;
      tracer.advance(rig.now);
      rig.drain();
    }
  };
  return { steps, tracer, send, wait };
}

/** A step without its bytes: who began it, its fate in a word and in words, how much was sent, what it was counted as. */
function gist({ link, verdict, note, sent, counted }: TraceStep) {
  return [link, verdict, note, sent.length, Object.keys(counted).filter((name) => name !== 'frames-in')];
}

/** A packet as steps tell of it. */
function textOf(built: PacketBuilder): string {
  const { bytes, virtio } = built.build();
  const buffer = new Uint8Array(START + bytes.length);
  buffer.set(virtio, START - 10);
  buffer.set(bytes, START);
  return packetText(new Frame(buffer).at(START, bytes.length, 0));
}

/** The fragments of a packet that goes in by a link, 64 bytes each. */
function fragmentsOn([link, built]: readonly [number, PacketBuilder], id = 77): [number, PacketBuilder][] {
  const { from, to, ip } = decodeFrame(built.build());
  const below = packet().ethernet({ from, to });
  const ends = { from: addressText(ip!.from), to: addressText(ip!.to) };
  const datagram = { ...ends, body: ip!.payload, id, protocol: ip!.protocol, below };
  return fragmentsOf(datagram, 64).map((fragment) => [link, fragment]);
}

for (const topology of TOPOLOGIES) {
  test(`IPv${topology.family}: a connection's story has both directions, what was changed, and why a packet was dropped`, () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).half();
    const { steps, send } = traced(rig, flow.clientAddress);
    send(...flow.client({ flags: 'A', seq: 1, ack: 1 }));
    send(...flow.fromServer({ flags: 'PA', seq: 1, ack: 1, payload: 'hello' }));
    send(...flow.client({ flags: 'A', seq: 1, ack: 6, ip: { ttl: 1 } }));
    assert.deepEqual(
      steps.map(({ verdict, connection, link }) => [link, verdict, connection?.state]),
      [
        [0, 'sent', 'established'],
        [1, 'sent', 'established'],
        [0, 'dropped', 'established'],
      ],
    );
    const [ack, answer, late] = steps as [TraceStep, TraceStep, TraceStep];
    assert.equal(ack.counted['toa-added'], 1);
    assert.match(ack.packet, / \[A\] seq \d+ ack \d+ win \d+ length 0$/);
    const option = Buffer.from(flow.toa).toString('hex');
    assert.match(ack.sent[0]?.packet ?? '', new RegExp(` options ${option}$`));
    assert.match(answer.packet, /\[PA\].* length 5/);
    assert.equal(answer.sent[0]?.link, 0);
    assert.equal(answer.connection?.realServer, rig.balancer.realServers[0]?.name);
    assert.equal(late.counted['drop-ttl-expired'], 1);
    assert.equal(late.sent.length, 1, 'time exceeded goes back');
  });
}

test('a SYN that the balancer answers itself, and an ACK of no cookie, are told with their answers', () => {
  const rig = new Rig({ topology: IPV4, service: { synProxy: {} } });
  const flow = new Flow(rig);
  const { steps, send } = traced(rig, flow.clientAddress);
  send(...flow.client({ flags: 'S', options: [hex('01030308')] }));
  send(...flow.client({ flags: 'A', seq: 1, ack: 1 }));
  const [syn, ack] = steps as [TraceStep, TraceStep];
  assert.deepEqual([syn.verdict, syn.counted['syn-proxy-syn'], syn.connection], ['sent', 1, undefined]);
  assert.match(syn.sent[0]?.packet ?? '', /\[SA\] seq \d+ ack \d+ win 65535 length 0 options 030307$/);
  assert.deepEqual(ack.counted, { 'frames-in': 1, 'drop-syn-proxy-bad-ack': 1, 'answer-reset': 1 });
  assert.match(ack.sent[0]?.packet ?? '', /\[R\]/);
});

test('other clients, and other ports of the client, are not followed', () => {
  const rig = new Rig({ topology: IPV4 });
  const flow = new Flow(rig).half();
  const other = new Flow(rig, { client: 8 }).half();
  const { steps, send } = traced(rig, flow.clientAddress, flow.clientPort + 1);
  send(...flow.client({ flags: 'A', seq: 1, ack: 1 }));
  send(...other.client({ flags: 'A', seq: 1, ack: 1 }));
  send(...other.fromServer({ flags: 'A', seq: 1, ack: 1 }));
  assert.deepEqual(steps, []);
});

test('a SYN that opens a connection, a stray and a packet of another kind are part of the story', () => {
  const rig = new Rig({ topology: IPV4 });
  const flow = new Flow(rig);
  const { steps, send } = traced(rig, flow.clientAddress);
  send(...flow.client({ flags: 'A', seq: 1, ack: 1 }));
  send(...flow.client({ flags: 'S' }));
  const gre = packet()
    .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
    .ip({ from: flow.clientAddress, to: IPV4.vip, protocol: 47 })
    .payload(4);
  send(OUTSIDE, gre);
  assert.deepEqual(
    steps.map(({ verdict, connection, counted }) => [verdict, connection?.state, Object.keys(counted)]),
    [
      ['sent', undefined, ['frames-in', 'drop-stray', 'answer-reset']],
      ['sent', 'synReceived', ['frames-in', 'frames-forwarded', 'connections-new']],
      ['dropped', undefined, ['frames-in', 'drop-unsupported-protocol']],
    ],
  );
  assert.match(steps[2]?.packet ?? '', /protocol 47$/);
});

test('what the balancer sends to the client of its own accord is told', () => {
  const rig = new Rig({ topology: IPV4, service: { timeouts: { established: 5 } } });
  const flow = new Flow(rig).open();
  const { steps, wait } = traced(rig, flow.clientAddress);
  wait(8);
  assert.equal(steps.length, 1);
  assert.match(steps[0]?.packet ?? '', /\[R\]/);
  assert.equal(steps[0]?.link, undefined);
});

test('the story of a SYN proxy: the cookie, the SYN to the real server and again, what waited', () => {
  const rig = new Rig({ topology: IPV4, service: { synProxy: {} } });
  const flow = new ProxiedFlow(rig);
  const { steps, wait, send } = traced(rig, flow.clientAddress);
  send(...flow.client({ flags: 'S' }));
  flow.cookie();
  send(...flow.client(HANDSHAKE_ACK));
  const [, local = ''] = /(\S+):\d+ > 10\.0\.0\.17/.exec(steps[1]?.sent[0]?.packet ?? '') ?? [];
  assert.equal(local, '10.0.0.2');
  wait(3.25);
  assert.deepEqual(
    steps.map(({ verdict, sent, connection, counted }) => [
      verdict,
      sent.map(({ packet: text }) => /\[\w+\]/.exec(text)?.[0]),
      connection?.state,
      Object.keys(counted).filter((name) => name.startsWith('syn-proxy')),
    ]),
    [
      ['sent', ['[SA]'], undefined, ['syn-proxy-syn']],
      ['consumed', ['[S]'], 'synSent', ['syn-proxy-ack-ok']],
      ['sent', ['[S]'], 'synSent', ['syn-proxy-resent']],
    ],
  );
});

test('a frame that is no packet at all is passed on untold', () => {
  const rig = new Rig({ topology: IPV4 });
  const steps: TraceStep[] = [];
  const tracer = new Tracer(rig.balancer, { address: '203.0.113.7' }, (step) => steps.push(step));
  const before = rig.counter('frames-in');
  const buffer = new Uint8Array(START + 64);
  buffer.set(hex('0200000000b00200000001018888'), START);
  tracer.process(new Frame(buffer).at(START, 14, 0), rig.now);
  tracer.process(new Frame(buffer).at(START, 3, 0), rig.now);
  assert.deepEqual(steps, []);
  assert.equal(rig.counter('frames-in') - before, 2);
});

for (const topology of TOPOLOGIES) {
  const { family, realServers } = topology;
  const name = (what: string) => `IPv${family}: ${what}`;
  const asked = family === 4 ? 'arp-request' : 'neighbor-solicitation';

  for (const mode of ['fullnat', 'tun'] as const) {
    test(name(`${mode}: a SYN that waits for its real server's MAC address is told when it goes on`), () => {
      const rig = new Rig({ topology, strangers: true, service: { mode } });
      const { steps, send } = traced(rig, topology.client(7));
      send(...new Flow(rig, { client: 8 }).client({ flags: 'S' }));
      send(...new Flow(rig).client({ flags: 'S' }));
      const [, server = ''] = realServers;
      send(
        ...([INSIDE, neighborReply(INSIDE, server, MACS.server(1), topology.localAddresses[0]!)] as const),
      );
      const known = 'the MAC address that it waited for is known';
      assert.deepEqual(steps.map(gist), [
        [OUTSIDE, 'consumed', `waits for the MAC address of ${server}`, 1, ['connections-new', asked]],
        [undefined, 'sent', known, 1, ['frames-forwarded', 'neighbor-learned']],
      ]);
      assert.equal(steps[1]?.sent[0]?.link, INSIDE);
      assert.deepEqual(steps[1]?.connection, steps[0]?.connection);
    });

    test(
      name(`${mode}: a SYN that waits in vain is told with its reason, and so is its connection's end`),
      () => {
        const rig = new Rig({ topology, strangers: true, service: { mode, timeouts: { synReceived: 5 } } });
        const { steps, send, wait } = traced(rig, topology.client(7));
        send(...new Flow(rig, { client: 8 }).client({ flags: 'S' }));
        send(...new Flow(rig).client({ flags: 'S' }));
        wait(10);
        const dumb = `${realServers[1]} does not tell its MAC address`;
        assert.deepEqual(steps.slice(1).map(gist), [
          [undefined, 'dropped', dumb, 0, ['drop-neighbor-unresolved']],
          [undefined, 'ended', 'its time is over', 0, ['connections-expired']],
        ]);
        const [, dropped, ended] = steps as [TraceStep, TraceStep, TraceStep];
        assert.match(dropped.packet, mode === 'tun' ? / protocol (4|41)$/ : / \[S\] /);
        assert.match(ended.packet, /^\S+:51514 > \S+:80$/);
        assert.deepEqual(ended.connection, dropped.connection);
      },
    );
  }

  test(name("a client's fragments are told one by one, and the packet that they were"), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).open();
    const fragments = fragmentsOn(flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 150 }));
    const strange = fragmentsOn(
      new Flow(rig, { client: 8 }).client({ flags: 'PA', seq: 1, payload: 150 }),
      78,
    );
    for (const order of [fragments, fragments.toReversed()]) {
      const { steps, send } = traced(rig, flow.clientAddress, flow.clientPort);
      for (const [i, fragment] of order.entries()) {
        send(...strange[i]!);
        send(...fragment);
      }
      const waits = [OUTSIDE, 'consumed', 'the rest of the packet is waited for', 0, ['fragments-in']];
      assert.deepEqual(steps.slice(0, -1).map(gist), [waits, waits]);
      const whole = steps.at(-1)!;
      assert.deepEqual([whole.verdict, whole.note, whole.sent.length], ['consumed', undefined, 1]);
      assert.equal(whole.counted['fragments-reassembled'], 1);
      assert.equal(whole.connection?.state, 'established');
      assert.match(whole.sent[0]?.packet ?? '', / \[PA\] .* length 150/);
      assert.match(steps[1]?.packet ?? '', / fragment id 77 offset 64 length 64 more$/);
    }
  });

  test(name("a real server's fragments are told from the first one on, the packet at any rate"), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).open();
    const other = new Flow(rig, { client: 8 }).open();
    const answer = { flags: 'PA', seq: 1, ack: 1, payload: 150 } as const;
    const fragments = fragmentsOn(flow.fromServer(answer));
    for (const [order, told] of [
      [fragments, 3],
      [fragments.toReversed(), 1],
    ] as const) {
      const { steps, send } = traced(rig, flow.clientAddress, flow.clientPort);
      for (const fragment of fragmentsOn(other.fromServer(answer), 78)) send(...fragment);
      for (const fragment of order) send(...fragment);
      assert.equal(steps.length, told);
      assert.equal(steps.at(-1)?.counted['fragments-reassembled'], 1);
      assert.deepEqual([steps.at(-1)?.link, steps.at(-1)?.sent[0]?.link], [INSIDE, OUTSIDE]);
    }
  });

  test(name('fragments whose rest does not come are told when they are given up'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).open();
    const { steps, send, wait } = traced(rig, flow.clientAddress, flow.clientPort);
    const [, middle] = fragmentsOn(flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 150 }));
    send(...middle!);
    wait(61);
    assert.deepEqual(steps.slice(1).map(gist), [
      [undefined, 'dropped', 'the rest of the packet has not come in time', 0, ['fragments-timed-out']],
    ]);
    assert.equal(steps[1]?.packet, steps[0]?.packet);
    // A sender loses the oldest of more than 64 packets that it has begun.
    for (let id = 100; id <= 164; id++) {
      const [first] = fragmentsOn(flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 150 }), id);
      send(...first!);
    }
    const [evicted] = steps.slice(-1);
    assert.deepEqual(gist(evicted!), [
      undefined,
      'dropped',
      'what had come of the packet makes room for others',
      0,
      ['fragments-evicted'],
    ]);
    assert.match(evicted?.packet ?? '', / id 100 /);
  });

  test(name('an ICMP error from the way to the real server is told with what the client gets of it'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).open();
    const sent = { flags: 'PA', seq: 1, ack: 1, payload: 'x' };
    rig.send(...flow.client(sent));
    const { steps, send } = traced(rig, flow.clientAddress, flow.clientPort);
    const router = family === 4 ? '192.0.2.99' : '2001:db8:99::1';
    const error = packet()
      .ethernet({ from: MACS.server(0), to: MACS.balancer[INSIDE] })
      .ip({ from: router, to: flow.localAddress })
      .icmp(family === 4 ? { type: 11, code: 0 } : { type: 3, code: 0 });
    for (const about of [sent, { ...sent, seq: -5 }]) {
      const [, quoted] = flow.toServer(about);
      send(INSIDE, error.payload(quoted.bytes().slice(14)));
    }
    assert.deepEqual(steps.map(gist), [
      [INSIDE, 'sent', undefined, 1, ['frames-forwarded', 'icmp-error-to-client']],
      [INSIDE, 'dropped', undefined, 0, ['drop-icmp-implausible']],
    ]);
    assert.match(steps[0]?.packet ?? '', / type \d+ code 0 about \S+ > \S+:8080$/);
    assert.match(steps[0]?.sent[0]?.packet ?? '', / type \d+ code 0 about \S+:51514 > \S+:80$/);
    assert.equal(steps[0]?.connection?.state, 'established');
  });
}

for (const topology of TOPOLOGIES) {
  test(`IPv${topology.family}: when an open connection expires, the resets to both its ends are told, and to no others`, () => {
    const rig = new Rig({ topology, service: { timeouts: { established: 5 } } });
    new Flow(rig, { client: 8 }).settled();
    const flow = new Flow(rig).open();
    const { steps, send, wait } = traced(rig, flow.clientAddress);
    send(...flow.fromServer({ flags: 'PA', seq: 1, ack: 1, payload: 'hello' }));
    wait(10);
    const told = steps.slice(1).map(({ verdict, packet, sent }) => [verdict, packet, sent[0]?.link]);
    const [, toServer] = flow.toServer({ flags: 'R', seq: 1, window: 0, ip: { ttl: 64 } });
    const [, toClient] = flow.toClient({ flags: 'R', seq: 6, window: 0, ip: { ttl: 64 } });
    assert.deepEqual(told, [
      ['sent', textOf(toServer), INSIDE],
      ['sent', textOf(toClient), OUTSIDE],
      ['ended', steps[3]?.packet, undefined],
    ]);
  });
}

test('a datagram of another client is not told, though its local port has the same number', () => {
  const [address = ''] = IPV4.realServers;
  const alike = {
    mode: 'fullnat',
    realServers: [{ address, port: 8080 }],
    localPorts: [5000, 5000],
  } as const;
  const services = [
    { ...alike, port: IPV4.port },
    { ...alike, port: IPV4.port, protocol: 'udp' },
  ] as const;
  const rig = new Rig({ topology: IPV4, services });
  const flow = new Flow(rig).open();
  const { steps, send } = traced(rig, flow.clientAddress);
  send(...flow.fromServer({ flags: 'A', seq: 1, ack: 1 }));
  const other = new Datagrams(rig, { client: 8 });
  for (const piece of fragmentsOn(other.client({ payload: 150 }))) send(...piece);
  assert.equal(rig.balancer.connections.count, 2);
  assert.equal(rig.counter('fragments-reassembled'), 1);
  assert.equal(steps.length, 1);
});

test('a connection that is dropped to make room for others is told', () => {
  const settings = { maxConnections: 64, dropEntry: 'always' } as const;
  const rig = new Rig({ topology: IPV4, settings, service: { timeouts: { synReceived: 600 } } });
  const flow = new Flow(rig);
  const { steps, send, wait } = traced(rig, flow.clientAddress);
  send(...flow.client({ flags: 'S' }));
  wait(40);
  assert.deepEqual(steps.slice(1).map(gist), [
    [undefined, 'ended', 'it makes room for others', 0, ['connections-dropped']],
  ]);
  assert.equal(steps[1]?.connection?.state, 'synReceived');
  send(...flow.client({ flags: 'S' }));
  assert.equal(steps[2]?.counted['connections-new'], 1);
});
