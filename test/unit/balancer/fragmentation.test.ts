import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Datagram, fragmentsOf } from '../../model/fragmentation.js';
import { segmentsOf } from '../../model/segmentation.js';
import { Flow } from '../../support/flow.js';
import { type PacketBuilder, packet, pattern } from '../../support/packet-builder.js';
import { decodeFrame, decodeIp } from '../../support/packet-decoder.js';
import { Reassembler } from '../../support/reassembler.js';
import { type OnLink, Rig, type RigOptions, type Sent } from '../../support/rig.js';
import { decodeTcp, tcpChecksumRight } from '../../support/tcp-segment.js';
import { INSIDE, MACS, NAT64, OUTSIDE, TOPOLOGIES, type Topology } from '../../support/topology.js';
import { addressText, concat, readU16, readU32 } from '../../support/wire.js';

const NO_OFFLOADS = new Uint8Array(10);

/** A packet's fragments, each with `payload` bytes behind its headers. */
function inFragments([link, whole]: OnLink, payload: number, id = 7): OnLink[] {
  const bytes = whole.bytes();
  const { ip } = decodeFrame({ bytes, virtio: NO_OFFLOADS });
  const { from, to } = decodeFrame({ bytes, virtio: NO_OFFLOADS });
  const datagram: Datagram = {
    below: packet().ethernet({ from, to }),
    from: addressText(ip!.from),
    to: addressText(ip!.to),
    protocol: ip!.protocol,
    ttl: ip!.ttl,
    id,
    body: ip!.payload,
  };
  return fragmentsOf(datagram, payload).map((fragment) => [link, fragment]);
}

/** Sends all; what comes out because of the last, after nothing because of the others. */
function sendAll(rig: Rig, frames: readonly OnLink[]): Sent[] {
  for (const frame of frames.slice(0, -1)) assert.deepEqual(rig.send(...frame), []);
  return rig.send(...frames.at(-1)!);
}

/** Makes the fragments that came out whole, and reads the packet. */
function madeWhole(sent: readonly Sent[]) {
  const reassembler = new Reassembler();
  const outcomes = sent.map((frame) => reassembler.add(frame));
  assert.ok(
    outcomes.slice(0, -1).every((outcome) => outcome === 'held'),
    `${outcomes}`,
  );
  const bytes = outcomes.at(-1)!;
  assert.ok(typeof bytes !== 'string', `${bytes}`);
  return decodeFrame({ bytes, virtio: NO_OFFLOADS });
}

const sizesOf = (sent: readonly Sent[]) => sent.map(({ bytes }) => bytes.length - 14);

for (const topology of TOPOLOGIES) {
  const { family } = topology;
  const name = (what: string) => `IPv${family}: ${what}`;
  const header = family === 4 ? 20 : 48;

  const tunnel = { mode: 'tun' as const, realServers: topology.realServers.map((address) => ({ address })) };
  const udpRig = (options: Partial<RigOptions> = {}) => {
    const { service, ...rest } = options;
    return new Rig({ topology, service: { protocol: 'udp', ...service }, ...rest });
  };
  const fromClient = (payload: Uint8Array, from = topology.client(7)): OnLink => [
    OUTSIDE,
    packet()
      .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
      .ip({ from, to: topology.vip, dontFragment: false })
      .udp({ from: 51514, to: topology.port })
      .payload(payload),
  ];
  const fromServer = (payload: Uint8Array, to: string, port: number): OnLink => [
    INSIDE,
    packet()
      .ethernet({ from: MACS.server(0), to: MACS.balancer[INSIDE] })
      .ip({ from: topology.realServers[0]!, to, dontFragment: false })
      .udp({ from: topology.serverPort, to: port })
      .payload(payload),
  ];

  for (const mode of ['fullnat', 'nat'] as const) {
    test(
      name(`${mode}: a long datagram and its answer pass in fragments, none larger than its sender's`),
      () => {
        const rig = udpRig({ service: mode === 'nat' ? { mode, localAddresses: [] } : { mode } });
        const question = pattern(9000);
        const sent = sendAll(rig, inFragments(fromClient(question), 1432));
        assert.ok(
          sizesOf(sent).every((size) => size <= header + 1432),
          `${sizesOf(sent)}`,
        );
        assert.ok(sent.every(({ link }) => link === INSIDE));
        const atServer = madeWhole(sent);
        assert.deepEqual(atServer.udp!.payload, question);
        assert.equal(addressText(atServer.ip!.to), topology.realServers[0]);
        assert.equal(atServer.ip!.ttl, 63);

        const answer = pattern(20_000, 1);
        const from = addressText(atServer.ip!.from);
        const back = sendAll(rig, inFragments(fromServer(answer, from, atServer.udp!.from), 1280).reverse());
        assert.ok(sizesOf(back).every((size) => size <= header + 1280));
        assert.ok(back.every(({ link }) => link === OUTSIDE));
        const atClient = madeWhole(back);
        assert.deepEqual(atClient.udp!.payload, answer);
        assert.equal(addressText(atClient.ip!.from), topology.vip);
        assert.equal(addressText(atClient.ip!.to), topology.client(7));
        assert.equal(rig.counter('fragments-reassembled'), 2);
        assert.equal(rig.counter('packets-fragmented'), 2);
        assert.equal(rig.counter('fragments-out'), sent.length + back.length);
      },
    );
  }

  test(name('a datagram that was cut where it need not have been leaves whole'), () => {
    const rig = udpRig();
    const sent = sendAll(rig, inFragments(fromClient(pattern(400)), 200));
    assert.equal(sent.length, 1);
    assert.deepEqual(sent[0]!.decoded.udp?.payload, pattern(400));
  });

  test(name('fragments that their way out cannot carry are too big, and their sender hears of it'), () => {
    const rig = udpRig({ mtus: [1500, 1280] });
    const sent = sendAll(rig, inFragments(fromClient(pattern(4000)), 1432));
    const [error] = sent;
    if (family === 4) {
      // Without DF, so they are cut once more.
      assert.ok(sizesOf(sent).every((size) => size <= 1280));
      assert.deepEqual(madeWhole(sent).udp?.payload, pattern(4000));
    } else {
      assert.deepEqual([error?.decoded.icmp?.type, error?.decoded.icmp?.rest], [2, 1280]);
      assert.equal(rig.counter('drop-too-big'), 1);
    }
  });

  test(name('datagrams of two clients with one id do not get mixed up behind one local address'), () => {
    const rig = udpRig();
    const idOf = (client: number) => {
      const whole = fromClient(pattern(3000), topology.client(client));
      const [first] = sendAll(rig, inFragments(whole, 1432, 7));
      return family === 4 ? readU16(first!.bytes, 14 + 4) : readU32(first!.bytes, 14 + 40 + 4);
    };
    assert.notEqual(idOf(7), idOf(8));
  });

  test(name('a TCP segment that comes in fragments gets the option like any other'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).half();
    const segment = { flags: 'PA', seq: 1, ack: 1, payload: 3000 };
    const sent = sendAll(rig, inFragments(flow.client(segment), 1432));
    const { tcp } = madeWhole(sent);
    assert.deepEqual(
      tcp?.options.map(({ bytes }) => bytes),
      [flow.toa],
    );
    assert.deepEqual(tcp?.payload, pattern(3000));
    assert.equal(tcp?.checksumRight, true);
    assert.equal(rig.counter('toa-added'), 1);
  });

  test(name('a long ping in fragments is answered in fragments'), () => {
    const rig = new Rig({ topology });
    const ping: OnLink = [
      OUTSIDE,
      packet()
        .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
        .ip({ from: topology.client(7), to: topology.vip, dontFragment: false })
        .icmp({ type: family === 4 ? 8 : 128, rest: 0x00010002 })
        .payload(pattern(4000)),
    ];
    const sent = sendAll(rig, inFragments(ping, 1432));
    assert.ok(sent.every(({ link }) => link === OUTSIDE));
    const { icmp, ip, to } = madeWhole(sent);
    assert.deepEqual([icmp?.type, icmp?.checksumRight], [family === 4 ? 0 : 129, true]);
    assert.deepEqual(icmp?.body, pattern(4000));
    assert.deepEqual([addressText(ip!.to), to], [topology.client(7), MACS.gateway]);
  });

  test(name('fragments for others, from nobody, or for another station are dropped at once'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    const ethernet = { from: MACS.gateway, to: MACS.balancer[OUTSIDE]! };
    const fragment = (below: PacketBuilder, from: string, to: string): OnLink => [
      OUTSIDE,
      fragmentsOf({ below, from, to, id: 1, body: pattern(64) }, 32)[0]!,
    ];
    const toUs = packet().ethernet(ethernet);
    const toAll = packet().ethernet({ ...ethernet, to: 'ff:ff:ff:ff:ff:ff' });
    const { clientAddress } = flow;
    const nobody = family === 4 ? '127.0.0.1' : '::1';
    const rows: [string, OnLink, string][] = [
      ['for others', fragment(toUs, clientAddress, topology.gateway), 'drop-unknown-address'],
      ['from nobody', fragment(toUs, nobody, topology.vip), 'drop-invalid-source'],
      ['from ourselves', fragment(toUs, topology.vip, topology.vip), 'drop-invalid-source'],
      ['to all stations', fragment(toAll, clientAddress, topology.vip), 'drop-not-for-us'],
    ];
    for (const [what, frame, counter] of rows) {
      rig.play([{ what, in: frame, out: [], counters: { [counter]: 1 } }]);
    }
    assert.equal(rig.counter('fragments-in'), 0);
  });

  test(name('a fragment that leaves a checksum or segmentation to us is dropped'), () => {
    const rig = udpRig();
    const [link, fragment] = inFragments(fromClient(pattern(100)), 64)[0]!;
    const { bytes } = fragment.build();
    for (const [at, value] of [
      [0, 1],
      [1, 3],
    ] as const) {
      const virtio = new Uint8Array(10);
      virtio[at] = value;
      assert.deepEqual(rig.send(link, { bytes, virtio }), []);
    }
    assert.equal(rig.counter('drop-bad-gso'), 2);
  });

  test(name('what never becomes whole is given up in time, and its sender hears of it'), () => {
    const rig = udpRig();
    rig.send(...inFragments(fromClient(pattern(3000)), 1432)[0]!);
    const before = family === 4 ? 29_000 : 59_000;
    const told = (sent: Sent[]) =>
      sent.flatMap(({ decoded: { icmp } }) =>
        icmp === undefined || icmp.type > 130 ? [] : [[icmp.type, icmp.code]],
      );
    assert.deepEqual(told(rig.wait(before)), []);
    assert.deepEqual(told(rig.wait(2000)), [[family === 4 ? 11 : 3, 1]]);
    assert.equal(rig.counter('fragments-timed-out'), 1);
  });

  test(name('a datagram that its tunnel makes longer than any packet can be is dropped'), () => {
    const rig = udpRig({ service: tunnel });
    const longest = pattern(65535 - 8 - (family === 4 ? 20 : 0));
    assert.deepEqual(sendAll(rig, inFragments(fromClient(longest), 1400)), []);
    assert.equal(rig.counter('drop-too-big'), 1);
    assert.notEqual(sendAll(rig, inFragments(fromClient(longest.slice(header)), 1400)).length, 0);
  });

  test(name('a packet without buffers for all its fragments is dropped whole'), () => {
    const rig = udpRig();
    const { emitted } = rig.balancer;
    const frames = inFragments(fromClient(pattern(9000)), 1432);
    for (const frame of frames.slice(0, -1)) rig.send(...frame);
    while (emitted.room(1500) > 3) emitted.take(1500);
    assert.deepEqual(rig.send(...frames.at(-1)!), []);
    assert.equal(rig.counter('drop-out-of-buffers'), 1);
  });

  test(
    name('tunnel: a GSO frame is cut into segments, each with whole checksums and an outer header'),
    () => {
      const rig = new Rig({ topology, service: tunnel });
      const client = topology.client(7);
      const below = (ttl: number) => (index: number) =>
        packet().ip({ from: client, to: topology.vip, ttl, id: 100 + index });
      const tcp = { from: 51514, to: topology.port, seq: 1000, ack: 1 };
      const frame = (flags: string, payload: Uint8Array) =>
        packet()
          .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
          .ip({ from: client, to: topology.vip, id: 100 })
          .tcp({ ...tcp, flags })
          .payload(payload);
      assert.equal(rig.send(OUTSIDE, frame('S', new Uint8Array()).offload()).length, 1);

      const payload = pattern(9001);
      const sent = rig.send(OUTSIDE, frame('FPAC', payload).offload({ gsoSize: 1300 }));
      const expected = segmentsOf({
        below: below(63),
        tcp: { ...tcp, flags: 'FPAC' },
        payload,
        gsoSize: 1300,
      });
      assert.deepEqual(
        sent.map(({ bytes }) => decodeIp(bytes.slice(14))!.payload),
        expected,
      );
      assert.ok(sent.every(({ virtio }) => virtio.every((byte) => byte === 0)));
      assert.ok(
        sent.every(
          ({ decoded: { ip } }) => addressText(ip!.from) === topology.localAddresses[0] && ip!.checksumRight,
        ),
      );
      assert.equal(rig.counter('segments-made'), 6);
    },
  );

  test(name('tunnel: a GSO frame that comes with a whole checksum is cut just so'), () => {
    const rig = new Rig({ topology, service: tunnel });
    const flow = new Flow(rig);
    rig.send(...flow.client({ flags: 'S' }));
    const [, frame] = flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 3000 });
    const { virtio } = frame.offload({ gsoSize: 1300 }).build();
    virtio[0] = 2; // DATA_VALID: checked when it was received
    const sent = rig.send(OUTSIDE, { bytes: frame.bytes(), virtio });
    const inner = sent.map(({ bytes }) => decodeIp(decodeIp(bytes.slice(14))!.payload)!);
    const segments = inner.map(({ payload }) => decodeTcp(payload)!);
    assert.deepEqual(concat(...segments.map(({ payload }) => payload)), pattern(3000));
    for (const { payload, from, to } of inner) assert.ok(tcpChecksumRight(payload, from, to));
  });

  test(
    name('tunnel: a GSO frame for whose segments there are no buffers loses those, and the last one goes'),
    () => {
      const rig = new Rig({ topology, service: tunnel });
      const flow = new Flow(rig);
      rig.send(...flow.client({ flags: 'S' }));
      const { emitted } = rig.balancer;
      while (emitted.take(1500) !== undefined);
      const [, frame] = flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 3000 });
      const { bytes, virtio } = frame.offload({ gsoSize: 1300 }).build();
      // Past the rig's check that what is dropped is dropped whole.
      assert.throws(() => rig.send(OUTSIDE, { bytes, virtio }), /counted drop-out-of-buffers/);
      assert.equal(rig.counter('drop-out-of-buffers'), 2);
    },
  );
}

const [ipv4, ipv6] = TOPOLOGIES as readonly [Topology, Topology];

test('IPv4: a packet without DF that is too large for its way out leaves in fragments', () => {
  const rig = new Rig({ topology: ipv4, mtus: [1500, 1400] });
  const flow = new Flow(rig).settled();
  const segment = { flags: 'A', seq: 1, ack: 2, payload: 1400, ip: { dontFragment: false } };
  for (const offload of [false, true]) {
    const [link, frame] = flow.client(segment);
    const sent = rig.send(link, offload ? frame.offload() : frame);
    assert.deepEqual(sizesOf(sent), [20 + 1376, 20 + 44]);
    const { tcp } = madeWhole(sent);
    assert.deepEqual(tcp?.payload, pattern(1400));
    assert.equal(tcp?.checksumRight, true);
  }
});

test('IPv4: a GSO frame without DF whose segments are too large leaves in segments in fragments', () => {
  const rig = new Rig({ topology: ipv4, mtus: [1500, 1400] });
  const flow = new Flow(rig).settled();
  const segment = { flags: 'PA', seq: 1, ack: 2, payload: 4000, ip: { dontFragment: false, id: 5 } };
  const [link, frame] = flow.client(segment);
  const sent = rig.send(link, frame.offload({ gsoSize: 1460 }));
  // Three segments: of 1460, 1460 and 1080 bytes.
  assert.deepEqual(sizesOf(sent), [1396, 124, 1396, 124, 1120]);
  const parts = [sent.slice(0, 2), sent.slice(2, 4)].map((pair) => madeWhole(pair).tcp!);
  const { tcp } = sent[4]!.decoded;
  assert.ok([...parts, tcp!].every(({ checksumRight }) => checksumRight));
  assert.deepEqual(concat(...parts.map(({ payload }) => payload), tcp!.payload), pattern(4000));
  assert.deepEqual(
    [...parts, tcp!].map(({ flags }) => flags),
    ['A', 'A', 'PA'],
  );
});

test('IPv4: fragments with DF make a packet with DF, and leave with it', () => {
  const rig = new Rig({ topology: ipv4, service: { protocol: 'udp' } });
  const datagram: Datagram = {
    below: packet().ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] }),
    from: ipv4.client(7),
    to: ipv4.vip,
    id: 7,
    dontFragment: true,
    body: concat(Uint8Array.of(0xc9, 0x3a, 0, ipv4.port, 11, 192, 0, 0), pattern(3000)),
  };
  const sent = sendAll(
    rig,
    fragmentsOf(datagram, 1280).map((fragment) => [OUTSIDE, fragment]),
  );
  assert.ok(sent.length === 3 && sent.every(({ decoded: { ip } }) => ip!.dontFragment));
});

test('NAT64: what came in IPv6 fragments goes on as IPv4 ones that may be cut, a lone fragment as well', () => {
  const rig = new Rig({ topology: NAT64 });
  const flow = new Flow(rig).settled();
  const segment = { flags: 'A', seq: 1, ack: 2 };
  const frames = inFragments(flow.client({ ...segment, payload: 2000 }), 1232);
  const sent = sendAll(rig, frames);
  assert.deepEqual(
    sent.map(({ decoded: { ip } }) => [ip!.family, ip!.dontFragment]),
    [
      [4, false],
      [4, false],
    ],
  );
  assert.equal(madeWhole(sent).tcp?.payload.length, 2000);

  const [[link, lone]] = inFragments(flow.client({ ...segment, payload: 1400 }), 1440) as [OnLink];
  const [packetOut] = rig.send(link, lone);
  assert.equal(packetOut?.bytes.length, 14 + 40 + 1400);
  assert.equal(packetOut?.decoded.ip?.dontFragment, false);
});

test('IPv6: the only fragment of its packet is a packet like any other (RFC 6946)', () => {
  const rig = new Rig({ topology: ipv6 });
  const ends = { from: ipv6.client(7), to: ipv6.vip };
  const syn = packet()
    .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
    .ip(ends)
    .fragment({ offset: 0, more: false })
    .tcp({ from: 51514, to: 80, flags: 'S' });
  const bytes = syn.bytes();
  // What is reserved in the header means nothing.
  bytes[14 + 40 + 1] = 9;
  const [sent] = rig.send(OUTSIDE, { bytes, virtio: NO_OFFLOADS });
  assert.deepEqual([sent?.link, sent?.decoded.ip?.protocol], [INSIDE, 6]);
  assert.equal(rig.counter('connections-new'), 1);
  assert.equal(rig.counter('fragments-in'), 0);
});

test('IPv6: neighbor discovery in a fragment is not listened to (RFC 6980)', () => {
  const rig = new Rig({ topology: ipv6 });
  const solicitation = packet()
    .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
    .ip({ from: ipv6.gateway, to: ipv6.vip, ttl: 255 });
  const plain = solicitation.neighborSolicitation({ target: ipv6.vip, sourceMac: MACS.gateway });
  assert.equal(rig.send(OUTSIDE, plain).length, 1);
  const hidden = solicitation
    .fragment({ offset: 0, more: false })
    .neighborSolicitation({ target: ipv6.vip, sourceMac: MACS.gateway });
  rig.play([{ what: 'in a fragment', in: [OUTSIDE, hidden], out: [], counters: { 'drop-bad-ndp': 1 } }]);
});

test('IPv6: a fragment within a fragment is refused when it comes to light', () => {
  const rig = new Rig({ topology: ipv6 });
  const inner = Uint8Array.of(17, 0, 0, 1, 0, 0, 0, 9, ...pattern(56));
  const datagram: Datagram = {
    below: packet().ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] }),
    from: ipv6.client(7),
    to: ipv6.vip,
    id: 7,
    protocol: 44,
    body: inner,
  };
  const [first, second] = fragmentsOf(datagram, 32);
  assert.deepEqual(rig.send(OUTSIDE, first!), []);
  rig.play([{ what: 'the second', in: [OUTSIDE, second!], out: [], counters: { 'drop-bad-ip-header': 1 } }]);
});
