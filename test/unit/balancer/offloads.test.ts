import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow, type FlowSegment } from '../../support/flow.js';
import type { PacketBuilder } from '../../support/packet-builder.js';
import { type OnLink, Rig } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { TOPOLOGIES } from '../../support/topology.js';
import { concat } from '../../support/wire.js';

const offloaded = ([link, frame]: OnLink, gsoSize?: number): [number, PacketBuilder] => [
  link,
  frame.offload(gsoSize === undefined ? {} : { gsoSize }),
];

for (const topology of TOPOLOGIES) {
  const { family, toaLength, ipHeader } = topology;
  const name = (what: string) => `IPv${family}: ${what}`;
  /** The segments that a client sends which has heeded the lowered MSS. */
  const gsoSize = 1500 - ipHeader - 20 - toaLength;

  test(name('partial checksums stay partial, with the new addresses and length in them'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig);
    rig.send(...offloaded(flow.client({ flags: 'S', options: [tcpOption.mss(1460)] })));
    flow.syn({ options: [tcpOption.mss(1460)] });
    const steps: [string, FlowSegment, FlowSegment, boolean][] = [
      ['SYN-ACK', { flags: 'SA', ack: 1 }, { flags: 'SA', ack: 1 }, false],
      [
        'handshake ACK',
        { flags: 'A', seq: 1, ack: 1 },
        { flags: 'A', seq: 1, ack: 1, options: [flow.toa] },
        true,
      ],
      [
        'data',
        { flags: 'PA', seq: 1, ack: 1, payload: 99 },
        { flags: 'PA', seq: 1, ack: 1, payload: 99, options: [flow.toa] },
        true,
      ],
      [
        'response',
        { flags: 'PA', seq: 1, ack: 100, payload: 7 },
        { flags: 'PA', seq: 1, ack: 100, payload: 7 },
        false,
      ],
      ['ACK', { flags: 'A', seq: 100, ack: 8 }, { flags: 'A', seq: 100, ack: 8 }, true],
    ];
    for (const [what, segment, out, fromClient] of steps) {
      rig.play([
        {
          what,
          in: offloaded(fromClient ? flow.client(segment) : flow.fromServer(segment)),
          out: [offloaded(fromClient ? flow.toServer(out) : flow.toClient(out))],
          counters: out.options === undefined ? {} : { 'toa-added': 1 },
        },
      ]);
    }
  });

  test(
    name('a GSO frame stays whole, with the option while it is due and its header length following'),
    () => {
      const rig = new Rig({ topology });
      const flow = new Flow(rig).half();
      const early = { flags: 'PA', seq: 1, ack: 1, payload: 20_000 };
      const before = rig.balancer.statistics.snapshot().total.packetsIn;
      rig.play([
        {
          what: 'early data',
          in: offloaded(flow.client(early), gsoSize),
          out: [offloaded(flow.toServer({ ...early, options: [flow.toa] }), gsoSize)],
          counters: { 'toa-added': 1 },
        },
      ]);
      assert.equal(
        rig.balancer.statistics.snapshot().total.packetsIn - before,
        Math.ceil(20_000 / gsoSize),
        'counted as its segments',
      );
      const answer = { flags: 'PA', seq: 1, ack: 20_001, payload: 30_000 };
      const late = { flags: 'PA', seq: 20_001, ack: 2, payload: 10_000 };
      rig.play([
        {
          what: 'the response',
          in: offloaded(flow.fromServer(answer), 1400),
          out: [offloaded(flow.toClient(answer), 1400)],
        },
        {
          what: 'later data, in full segments',
          in: offloaded(flow.client(late), gsoSize),
          out: [offloaded(flow.toServer(late), gsoSize)],
        },
      ]);
    },
  );

  test(name('a GSO frame whose segments have no room for the option goes without, counted'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).half();
    const early = { flags: 'PA', seq: 1, ack: 1, payload: 20_000 };
    rig.play([
      {
        what: 'full segments',
        in: offloaded(flow.client(early), gsoSize + 1),
        out: [offloaded(flow.toServer(early), gsoSize + 1)],
        counters: { 'toa-refused-mtu': 1 },
      },
    ]);
  });

  test(name('a GSO frame too long to grow is cut between segments, each part with the option'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).half();
    const payload = 65535 - 20 - (family === 4 ? ipHeader : 0);
    const segment = { flags: 'FPA', seq: 1, ack: 1, payload };
    const sent = rig.send(...offloaded(flow.client(segment), gsoSize));
    assert.equal(sent.length, 2);
    assert.equal(rig.counter('toa-frames-split'), 1);
    const parts = sent.map(({ decoded }) => decoded.tcp!).sort((a, b) => (a.seq - b.seq) | 0);
    const original = flow.client(segment)[1].bytes();
    const bytes = concat(...parts.map((part) => part.payload));
    assert.deepEqual(bytes, original.slice(original.length - payload));
    assert.equal(parts[0]!.seq, (flow.balancerIsn + 1) >>> 0);
    assert.equal(parts[1]!.seq, (flow.balancerIsn + 1 + parts[0]!.payload.length) >>> 0);
    assert.equal(parts[0]!.payload.length % gsoSize, 0, 'cut between segments');
    assert.deepEqual(
      parts.map(({ flags }) => flags),
      ['A', 'FPA'].map((flags) => [...'SFRPAUEC'].filter((letter) => flags.includes(letter)).join('')),
    );
    for (const { decoded } of sent) {
      assert.equal(decoded.tcp!.checksumRight && decoded.ip!.checksumRight, true);
      assert.deepEqual(
        decoded.tcp!.options.map((option) => option.bytes),
        [flow.toa],
      );
      assert.equal(decoded.virtio.gsoSize, gsoSize);
      assert.equal(decoded.virtio.headerLength, 14 + ipHeader + 20 + toaLength);
    }
  });

  test(name('offload fields that do not fit the frame are refused'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    const [link, frame] = flow.client({ flags: 'A', seq: 1, ack: 2, payload: 5000 });
    const other = family === 4 ? 4 : 1;
    for (const fields of [
      { gsoSize: 0 },
      { gsoSize: 1400, gsoType: other },
      { gsoSize: 1400, gsoType: 3 },
      { gsoSize: 1400, gsoType: 77 },
      { checksumStart: 0 },
      { checksumStart: 60_000 },
      { checksumOffset: 6 },
    ]) {
      rig.play([
        {
          what: JSON.stringify(fields),
          in: [link, frame.offload(fields)],
          out: [],
          counters: { 'drop-bad-gso': 1 },
        },
      ]);
    }
  });

  test(name('the answer to an offloaded segment of no connection is a plain frame'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig);
    const [sent] = rig.send(...offloaded(flow.client({ flags: 'PA', seq: 1, ack: 2, payload: 9000 }), 1400));
    assert.equal(sent?.decoded.tcp?.flags, 'R');
    assert.deepEqual([...(sent?.virtio ?? [])], new Array(10).fill(0));
    assert.equal(sent?.decoded.tcp?.checksumRight, true);
  });
}
