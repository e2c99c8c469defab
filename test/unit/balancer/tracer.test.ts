import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Frame, HEADROOM, Tracer, type TraceStep } from '../../../lib/balancer/index.js';
import { Flow } from '../../support/flow.js';
import { type PacketBuilder, packet } from '../../support/packet-builder.js';
import { HANDSHAKE_ACK, ProxiedFlow } from '../../support/proxied-flow.js';
import { Rig } from '../../support/rig.js';
import { IPV4, MACS, OUTSIDE, TOPOLOGIES } from '../../support/topology.js';
import { hex } from '../../support/wire.js';

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
  return { steps, tracer, send };
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
  const { steps, tracer } = traced(rig, flow.clientAddress);
  for (let second = 1; second <= 8; second++) {
    tracer.advance(rig.now + second * 1000);
    rig.drain();
  }
  assert.equal(steps.length, 1);
  assert.match(steps[0]?.packet ?? '', /\[R\]/);
  assert.equal(steps[0]?.link, undefined);
});

test('the story of a SYN proxy: the cookie, the SYN to the real server and again, what waited', () => {
  const rig = new Rig({ topology: IPV4, service: { synProxy: {} } });
  const flow = new ProxiedFlow(rig);
  const { steps, tracer, send } = traced(rig, flow.clientAddress);
  send(...flow.client({ flags: 'S' }));
  flow.cookie();
  send(...flow.client(HANDSHAKE_ACK));
  const [, local = ''] = /(\S+):\d+ > 10\.0\.0\.17/.exec(steps[1]?.sent[0]?.packet ?? '') ?? [];
  assert.equal(local, '10.0.0.2');
  for (let tick = 1; tick <= 13; tick++) {
    tracer.advance(rig.now + tick * 250);
    rig.drain();
  }
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
