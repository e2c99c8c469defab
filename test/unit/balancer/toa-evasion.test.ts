/** What a client does to have its SYN go without the option, and so to be taken for the balancer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { draws } from '../../support/draws.js';
import { Flow } from '../../support/flow.js';
import { type PacketBuilder, packet } from '../../support/packet-builder.js';
import { Rig, type Sent } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { INSIDE, IPV4, IPV6, MACS, NAT64, OUTSIDE, type Topology } from '../../support/topology.js';
import { concat } from '../../support/wire.js';

const PORT = 51514;
const HEAD = [tcpOption.mss(1460), tcpOption.sackPermitted, tcpOption.windowScale(7)];
/** IPv6's extension header of that type (RFC 8200 4.6). */
const DESTINATION_OPTIONS = 60;

const markingRig = (topology: Topology, prune: 'protected' | 'strip-all' | 'none' = 'protected') =>
  new Rig({ topology, service: { toa: { on: ['syn', 'ack'], prune } } });

/** The only frame sent, which is a SYN without data, with right checksums, whose first option is the client's address. */
function assertMarked(what: string, flow: Flow, sent: readonly Sent[]): void {
  assert.equal(sent.length, 1, what);
  const [{ link, decoded }] = sent as [Sent];
  assert.equal(link, INSIDE, what);
  assert.deepEqual(decoded.tcp?.options[0]?.bytes, flow.toa, what);
  assert.equal(decoded.tcp?.payload.length, 0, what);
  assert.ok(decoded.tcp?.checksumRight && decoded.ip?.checksumRight, `${what}: checksums`);
}

for (const topology of [IPV4, IPV6, NAT64]) {
  const { family, ipHeader } = topology;
  const isNat64 = topology === NAT64;
  const name = (what: string) => `${isNat64 ? 'NAT64' : `IPv${family}`}: ${what}`;
  const most = 1500 - ipHeader - 20;

  test(name('data is taken off a SYN that is to carry the option, however much and however it comes'), () => {
    const offloaded = (gsoSize: number) => (frame: PacketBuilder) => frame.offload({ gsoSize });
    const as = (frame: PacketBuilder) => frame;
    const rows: [string, number, (frame: PacketBuilder) => PacketBuilder][] = [
      ['a byte', 1, as],
      ['what fills the packet', most - 12, as],
      ['with its checksum left to the device', most - 12, (frame) => frame.offload()],
      ['a frame for the device to cut', 20_000, offloaded(most - 12)],
      ['one that the option makes too long for its header', 65535 - 32 - 20, offloaded(most - 12)],
      ['one of small segments', 1000, offloaded(100)],
    ];
    for (const [what, payload, sentAs] of rows) {
      const rig = markingRig(topology);
      const flow = new Flow(rig);
      const [link, frame] = flow.client({ flags: 'S', options: HEAD, payload });
      const sent = rig.send(link, sentAs(frame));
      assertMarked(what, flow, sent);
      assert.equal(sent[0]?.decoded.virtio.gsoSize, 0, what);
      assert.equal(rig.counter('toa-syn-data-removed'), 1, what);
      assert.equal(rig.counter('toa-refused-mtu'), 0, what);
    }
  });

  test(name('a SYN that is not to carry it, and a RST in its shape, keep their data'), () => {
    for (const [on, flags] of [
      [['ack'], 'S'],
      [['syn', 'ack'], 'SR'],
    ] as const) {
      const rig = new Rig({ topology, service: { toa: { on } } });
      const flow = new Flow(rig);
      if (flags === 'SR') flow.syn();
      const [sent] = rig.send(...flow.client({ flags, payload: 'early' }));
      assert.equal(sent?.decoded.tcp?.payload.length, 5, flags);
      assert.equal(rig.counter('toa-syn-data-removed'), 0);
    }
  });

  test(name('filling in the shape of a protected option makes room'), () => {
    const ack = { flags: 'A', seq: 1, ack: 1 };
    const filled = (kind: number) => [tcpOption.raw(kind, new Uint8Array(38))];
    for (const kind of [2, 3, 4, 8, 30, 34]) {
      const rig = markingRig(topology);
      const flow = new Flow(rig);
      assertMarked(`kind ${kind}`, flow, rig.send(...flow.client({ flags: 'S', options: filled(kind) })));
      flow.syn({ options: filled(kind) });
      rig.send(...flow.fromServer({ flags: 'SA', ack: 1 }));
      const [sent] = rig.send(...flow.client({ ...ack, options: filled(kind) }));
      assert.deepEqual(
        sent?.decoded.tcp?.options.map(({ bytes }) => bytes),
        [flow.toa],
        `an ACK with kind ${kind}`,
      );
    }
  });

  test(name('of a protected option that comes again and again the first one stays'), () => {
    const mptcp = tcpOption.raw(30, new Uint8Array(10));
    for (const options of [
      Array<Uint8Array>(10).fill(tcpOption.mss(99)),
      [...HEAD, ...Array<Uint8Array>(15).fill(tcpOption.sackPermitted)],
      [tcpOption.mss(99), mptcp, mptcp, mptcp],
    ]) {
      const rig = markingRig(topology);
      const flow = new Flow(rig);
      const sent = rig.send(...flow.client({ flags: 'S', options }));
      const what = hexOf(concat(...options));
      assertMarked(what, flow, sent);
      const left = sent[0]!.decoded.tcp!.options.slice(1).map(({ bytes }) => hexOf(bytes));
      assert.deepEqual(new Set(left), new Set(options.map(hexOf)), what);
      assert.ok(left.length < options.length, what);
      assert.equal(rig.counter('toa-pruned'), 1);
    }
  });

  test(name('where what is protected leaves no room on a SYN, all is stripped that strip-all strips'), () => {
    const options = [...HEAD, tcpOption.nop, tcpOption.raw(30, new Uint8Array(10)), tcpOption.raw(77)];
    const rig = markingRig(topology);
    const flow = new Flow(rig);
    const sent = rig.send(...flow.client({ flags: 'S', options }));
    assertMarked('full', flow, sent);
    const kept = flow.toa.length === 8 ? options.filter((option) => option.length > 1) : [HEAD[0]!, HEAD[2]!];
    const [, ...others] = sent[0]!.decoded.tcp!.options;
    assert.deepEqual(
      others.map(({ bytes }) => hexOf(bytes)),
      kept.map(hexOf),
    );
  });

  test(name('prune: none has it go without'), () => {
    const rig = markingRig(topology, 'none');
    const options = [tcpOption.raw(30, new Uint8Array(38))];
    const [sent] = rig.send(...new Flow(rig).client({ flags: 'S', options }));
    assert.deepEqual(
      sent?.decoded.tcp?.options.map(({ bytes }) => hexOf(bytes)),
      options.map(hexOf),
    );
    assert.equal(rig.counter('toa-refused-header-full'), 1);
  });

  test(name('whatever is on a SYN, it has the option when it goes on'), () => {
    const drawn = fc.record({
      options: fc.array(
        fc.oneof(
          fc.constantFrom(...HEAD, tcpOption.nop, tcpOption.end, tcpOption.timestamps(1, 2)),
          fc.tuple(fc.constantFrom(2, 3, 4, 5, 8, 30, 34, 77, 253, 254), fc.uint8Array({ maxLength: 38 })),
          fc.uint8Array({ maxLength: 40 }),
        ),
        { maxLength: 20 },
      ),
      payload: fc.nat(most),
      gsoSize: fc.constantFrom(undefined, undefined, 1, 700),
      prune: fc.constantFrom('protected', 'strip-all'),
    });
    fc.assert(
      fc.property(drawn, ({ options, payload, gsoSize, prune }) => {
        const list = options.map((option) => (Array.isArray(option) ? tcpOption.raw(...option) : option));
        const bytes = concat(...list).slice(0, 40);
        const room = most - 4 * Math.ceil(bytes.length / 4);
        const rig = markingRig(topology, prune);
        const flow = new Flow(rig);
        const [link, frame] = flow.client({ flags: 'S', options: [bytes], payload: Math.min(payload, room) });
        const sent = rig.send(link, gsoSize === undefined ? frame : frame.offload({ gsoSize }));
        assertMarked(hexOf(bytes), flow, sent);
      }),
      draws(300),
    );
  });

  test(
    name('a packet of no connection whose source port is 0 goes no further: no receiver believes it'),
    () => {
      for (const protocol of ['tcp', 'udp'] as const) {
        if (isNat64 && protocol === 'udp') continue;
        const rig = new Rig({ topology, service: { protocol } });
        const below = packet()
          .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
          .ip({ from: topology.client(7), to: topology.vip });
        const ports = { from: 0, to: topology.port };
        const frames =
          protocol === 'udp' ? [below.udp(ports)] : ['S', 'A'].map((flags) => below.tcp({ ...ports, flags }));
        for (const frame of frames) {
          const counters = { 'drop-source-port-0': 1 };
          rig.play([{ what: protocol, in: [OUTSIDE, frame], out: [], counters }]);
        }
      }
    },
  );
}

for (const topology of [IPV6, NAT64]) {
  const family = topology === NAT64 ? 'NAT64' : 'IPv6';
  test(`${family}: a SYN whose extension headers leave no room for the option goes no further`, () => {
    const counters = { 'drop-toa-no-room': 1 };
    // A header of so many bytes, the option of 20 and TCP's own are 1500, or 8 more.
    const longest = 1500 - 40 - 20 - 20 + (topology === NAT64 ? 20 : 0);
    const syn = (extension: number, options: readonly Uint8Array[]) =>
      packet()
        .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
        .ip({ from: topology.client(7), to: topology.vip })
        .extension(DESTINATION_OPTIONS, new Uint8Array(extension - 2))
        .tcp({ from: PORT, to: topology.port, flags: 'S', options });
    for (const extension of [8, longest - 80, longest & ~7]) {
      const rig = markingRig(topology);
      const sent = rig.send(OUTSIDE, syn(extension, [tcpOption.mss(1460)]));
      assertMarked(`${extension} bytes`, new Flow(rig), sent);
    }
    const rig = markingRig(topology);
    rig.play([{ what: 'too long', in: [OUTSIDE, syn((longest & ~7) + 8, [])], out: [], counters }]);
    const careless = markingRig(topology, 'none');
    careless.send(OUTSIDE, syn((longest & ~7) + 8, []));
    assert.equal(careless.counter('toa-refused-mtu'), 1, 'prune: none has it go without');
  });
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
