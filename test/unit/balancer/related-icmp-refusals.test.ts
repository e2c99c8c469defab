import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Flow } from '../../support/flow.js';
import { type IcmpFields, packet } from '../../support/packet-builder.js';
import { type OnLink, Rig } from '../../support/rig.js';
import { INSIDE, IPV4, IPV6, MACS, NAT64, OUTSIDE, type Topology } from '../../support/topology.js';
import { addressText, concat } from '../../support/wire.js';

const UNREACHABLE = { 4: { type: 3, code: 1 }, 6: { type: 1, code: 3 } } as const;
const TOO_BIG = { 4: { type: 3, code: 4 }, 6: { type: 2, code: 0 } } as const;
const ROUTER = { 4: '192.0.2.99', 6: '2001:db8:99::1' } as const;

const UNKNOWN = 'drop-icmp-unknown-connection';
const IMPLAUSIBLE = 'drop-icmp-implausible';
const MALFORMED = 'drop-icmp-malformed';

/** A frame to the balancer with an error from a router. */
function errorOn(
  link: 0 | 1,
  to: string,
  fields: IcmpFields,
  about: Uint8Array,
  ip: { ttl?: number; from?: string } = {},
): OnLink {
  const family = to.includes(':') ? 6 : 4;
  const ethernet = packet().ethernet({ from: MACS.gateway, to: MACS.balancer[link] });
  return [
    link,
    ethernet
      .ip({ from: ROUTER[family], to, ...ip })
      .icmp(fields)
      .payload(about),
  ];
}

/** The IP packet that comes out when one is put in. */
function through(rig: Rig, [link, built]: OnLink): Uint8Array {
  const [sent] = rig.send(link, built);
  return sent!.bytes.slice(14);
}

for (const topology of [IPV4, IPV6]) {
  const { family, ipHeader } = topology;
  const name = (what: string) => `IPv${family}: ${what}`;

  test(name('an error that does not fit what is known of the connection goes nowhere, and says why'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    const lip = flow.localAddress;
    const about = through(rig, flow.client({ flags: 'PA', seq: 1, ack: 2, payload: 60 }));
    const answer = through(rig, flow.fromServer({ flags: 'PA', seq: 2, ack: 1, payload: 60 }));
    const kind = UNREACHABLE[family];
    const changed = (packetBytes: Uint8Array, at: number, ...bytes: number[]) => {
      const copy = packetBytes.slice();
      copy.set(bytes, at);
      return copy;
    };
    const sequence = (packetBytes: Uint8Array, by: number) => {
      const copy = packetBytes.slice();
      const view = new DataView(copy.buffer);
      view.setInt32(ipHeader + 4, view.getInt32(ipHeader + 4) + by);
      return copy;
    };
    const fragment =
      family === 4
        ? changed(about, 6, 0x20, 0x04)
        : concat(changed(about.slice(0, 40), 6, 44), Uint8Array.of(6, 0, 0, 9, 0, 0, 0, 1), about.slice(40));
    const rows: [what: string, input: OnLink, counter: string][] = [
      ['by the clients’ link', errorOn(OUTSIDE, lip, kind, about), 'drop-icmp-wrong-side'],
      [
        'about an answer, by the servers’ link',
        errorOn(INSIDE, topology.vip, kind, answer),
        'drop-icmp-wrong-side',
      ],
      ['of a port that nobody has', errorOn(INSIDE, lip, kind, changed(about, ipHeader, 1, 1)), UNKNOWN],
      [
        'about another protocol',
        errorOn(INSIDE, lip, kind, changed(about, family === 4 ? 9 : 6, 132)),
        UNKNOWN,
      ],
      ['to another than its sender', errorOn(INSIDE, topology.vip, kind, about), 'drop-icmp-not-for-sender'],
      ['about what was acknowledged', errorOn(INSIDE, lip, kind, sequence(about, -1)), IMPLAUSIBLE],
      ['about what is far away', errorOn(INSIDE, lip, kind, sequence(about, 2 ** 30)), IMPLAUSIBLE],
      ['about what was never sent', errorOn(OUTSIDE, topology.vip, kind, sequence(answer, 61)), IMPLAUSIBLE],
      ['about a later fragment', errorOn(INSIDE, lip, kind, fragment), 'drop-icmp-about-fragment'],
      [
        'with a wrong checksum',
        errorOn(INSIDE, lip, { ...kind, checksum: 'bad' }, about),
        'drop-icmp-checksum',
      ],
      ['with no hop left', errorOn(INSIDE, lip, kind, about, { ttl: 1 }), 'drop-ttl-expired'],
      ['about nothing', errorOn(INSIDE, lip, kind, new Uint8Array()), MALFORMED],
      ['about half a header', errorOn(INSIDE, lip, kind, about.slice(0, ipHeader - 1)), MALFORMED],
      ['about the other family', errorOn(INSIDE, lip, kind, changed(about, 0, 0x55)), MALFORMED],
      [
        'about a packet that says it is shorter than its headers',
        errorOn(INSIDE, lip, kind, changed(about, family === 4 ? 2 : 4, 0, 7)),
        MALFORMED,
      ],
    ];
    for (const [what, input, counter] of rows) {
      rig.play([{ what, in: input, out: [], counters: { [counter]: 1 } }]);
    }
    const [link, built] = errorOn(INSIDE, lip, kind, about);
    assert.equal(rig.send(link, built).length, 1, 'the error as it is passes');
  });

  test(name('an error from an address that nobody can have goes nowhere'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    const about = through(rig, flow.client({ flags: 'PA', seq: 1, ack: 2, payload: 60 }));
    const nobody = family === 4 ? ['0.0.0.0', '127.0.0.1', '224.0.0.1'] : ['::', '::1', 'ff02::1'];
    for (const from of [...nobody, topology.vip, flow.localAddress]) {
      const input = errorOn(INSIDE, flow.localAddress, UNREACHABLE[family], about, { from });
      rig.play([{ what: from, in: input, out: [], counters: { 'drop-invalid-source': 1 } }]);
    }
  });

  for (const mode of ['nat', 'dr', 'tun', 'fullnat'] as const) {
    test(
      name(`${mode}: an error from the clients’ link reaches no real server in its neighbor’s name`),
      () => {
        const rig = new Rig({ topology, service: { mode } });
        const flow = new Flow(rig).settled();
        const about = packet()
          .ip({ from: topology.vip, to: flow.clientAddress })
          .tcp({ from: topology.port, to: flow.clientPort, flags: 'A', seq: flow.serverIsn + 1 })
          .bytes();
        const neighbor = family === 4 ? '10.0.0.200' : 'fd00::c8';
        const sources = [neighbor, ROUTER[family]].map((from) => {
          const [sent] = rig.send(...errorOn(OUTSIDE, topology.vip, UNREACHABLE[family], about, { from }));
          const { ip, inner } = sent?.decoded ?? {};
          return ip && addressText((mode === 'tun' ? inner! : { ip }).ip!.from);
        });
        const [lip] = topology.localAddresses;
        assert.deepEqual(sources, mode === 'fullnat' ? [lip, lip] : [undefined, ROUTER[family]]);
        assert.equal(rig.counter('drop-icmp-spoofed-source'), mode === 'fullnat' ? 0 : 1);
      },
    );
  }

  test(name('an error cut short anywhere never throws'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    const about = through(rig, flow.client({ flags: 'PA', seq: 1, ack: 2, payload: 20 }));
    const whole = errorOn(INSIDE, flow.localAddress, UNREACHABLE[family], about)[1].build();
    for (let length = 14; length < whole.bytes.length; length++) {
      const { bytes, virtio } = whole;
      const sent = rig.send(INSIDE, { bytes: bytes.slice(0, length), virtio });
      assert.equal(sent.length, 0, 'the length in its header is longer');
    }
  });

  test(name('extensions behind the quoted packet are cut off (RFC 4884)'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    const about = through(rig, flow.client({ flags: 'PA', seq: 1, ack: 2, payload: 400 })).slice(0, 128);
    const extension = concat(Uint8Array.of(0x20, 0, 0, 0, 0, 8, 1, 1), new Uint8Array(4).fill(0x77));
    const rest = family === 4 ? 32 << 16 : 16 * 2 ** 24;
    const [link, built] = errorOn(
      INSIDE,
      flow.localAddress,
      { ...UNREACHABLE[family], rest },
      concat(about, extension),
    );
    const [sent] = rig.send(link, built);
    assert.deepEqual([sent?.decoded.icmp?.rest, sent?.decoded.icmp?.body.length], [0, 128]);
  });

  test(name('padding behind a quoted packet that is whole is cut off'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    const about = through(rig, flow.client({ flags: 'PA', seq: 1, ack: 2, payload: 10 }));
    const padded = concat(about, new Uint8Array(99).fill(7));
    const [link, built] = errorOn(INSIDE, flow.localAddress, UNREACHABLE[family], padded);
    assert.equal(rig.send(link, built)[0]?.decoded.icmp?.body.length, about.length);
  });

  test(name('errors count as packets of the connection, and keep nothing alive'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    const about = through(rig, flow.client({ flags: 'PA', seq: 1, ack: 2, payload: 10 }));
    const before = rig.balancer.statistics.snapshot().total;
    const [link, built] = errorOn(INSIDE, flow.localAddress, UNREACHABLE[family], about);
    rig.wait(60_000);
    rig.send(link, built);
    const after = rig.balancer.statistics.snapshot().total;
    assert.equal(after.packetsOut - before.packetsOut, 1);
    assert.equal(after.bytesOut - before.bytesOut, built.bytes().length - 14);
    rig.wait(31_000);
    assert.equal(rig.balancer.connections.count, 0, '90 s after its last segment it is gone');
  });

  test(name('a datagram that nobody listens for: the client is told'), () => {
    const rig = new Rig({ topology, service: { protocol: 'udp' } });
    const { vip, realServers } = topology;
    const outside = packet().ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] });
    const datagram = (ttl: number, checksum?: number) =>
      outside
        .ip({ from: topology.client(7), to: vip, ttl })
        .udp({ from: 5353, to: 80, ...(checksum !== undefined && { checksum }) })
        .payload(33);
    for (const checksum of family === 4 ? [undefined, 0] : [undefined]) {
      const [sent] = rig.send(OUTSIDE, datagram(64, checksum));
      const about = sent!.bytes.slice(14);
      const server = sent!.decoded.ip!.to;
      assert.ok(realServers.includes(addressText(server)));
      const kind = family === 4 ? { type: 3, code: 3 } : { type: 1, code: 4 };
      const out = packet()
        .ethernet({ from: MACS.balancer[OUTSIDE], to: MACS.gateway })
        .ip({ from: vip, to: topology.client(7), ttl: 63 })
        .icmp(kind)
        .payload(datagram(63, checksum).bytes().slice(14));
      rig.play([
        {
          what: 'port unreachable',
          in: errorOn(INSIDE, topology.localAddresses[0]!, kind, about),
          out: [[OUTSIDE, out]],
          counters: { 'icmp-error-to-client': 1 },
        },
      ]);
    }
  });

  test(name('a real server of DR gets errors about its answers as they are'), () => {
    const realServers = topology.realServers.map((address) => ({ address }));
    const rig = new Rig({ topology, service: { mode: 'dr', localAddresses: [], realServers } });
    rig.send(...new Flow(rig).client({ flags: 'S' }));
    const answer = packet()
      .ip({ from: topology.vip, to: topology.client(7), ttl: 60 })
      .tcp({ from: 80, to: 51514, flags: 'A' });
    const about = answer.payload(300).bytes();
    const [link, built] = errorOn(OUTSIDE, topology.vip, { ...TOO_BIG[family], rest: 1300 }, about);
    const expected = packet()
      .ethernet({ from: MACS.balancer[INSIDE], to: MACS.server(0) })
      .ip({ from: ROUTER[family], to: topology.vip, ttl: 63 })
      .icmp({ ...TOO_BIG[family], rest: 1300 })
      .payload(about);
    rig.play([
      {
        what: 'too big',
        in: [link, built],
        out: [[INSIDE, expected]],
        counters: { 'icmp-error-to-server': 1 },
      },
    ]);
  });
}

test('a client over IPv6 whose way has room for 1280 bytes alone sends them without the option', () => {
  const rig = new Rig({ topology: IPV6 });
  const flow = new Flow(rig).half();
  const segment = { flags: 'A', seq: 1, ack: 1, payload: 1220 };
  const about = through(rig, flow.client(segment));
  const error = errorOn(INSIDE, flow.localAddress, { ...TOO_BIG[6], rest: 1280 }, about.slice(0, 1232));
  const [told] = rig.send(...error);
  assert.equal(told?.decoded.icmp?.rest, 1280);
  rig.play([
    {
      what: 'the same again',
      in: flow.client(segment),
      out: [flow.toServer(segment)],
      counters: { 'toa-refused-mtu': 1 },
    },
  ]);
});

/** [type, code, value] as they come and as they go on. */
type Translation = readonly [
  readonly [type: number, code: number, value?: number],
  readonly [type: number, code: number, value?: number] | undefined,
];

/** RFC 7915 4.2. */
const TO_IPV6: readonly Translation[] = [
  ...[0, 1, 5, 6, 7, 8, 11, 12].map(
    (code): Translation => [
      [3, code],
      [1, 0],
    ],
  ),
  ...[9, 10, 13, 15].map(
    (code): Translation => [
      [3, code],
      [1, 1],
    ],
  ),
  [
    [3, 2],
    [4, 1, 6],
  ],
  [
    [3, 3],
    [1, 4],
  ],
  [
    [3, 4, 1400],
    [2, 0, 1420],
  ],
  [
    [3, 4, 1000],
    [2, 0, 1280],
  ],
  // A router that tells no MTU: the next lower one that is common.
  [
    [3, 4, 0],
    [2, 0, 1280],
  ],
  [[3, 14], undefined],
  [[3, 16], undefined],
  [[4, 0], undefined],
  [
    [11, 0],
    [3, 0],
  ],
  [
    [11, 1],
    [3, 1],
  ],
  ...[
    [0, 0],
    [1, 1],
    [2, 4],
    [3, 4],
    [8, 7],
    [9, 6],
    [12, 8],
    [15, 8],
    [16, 24],
    [19, 24],
  ].map(
    ([from, to]): Translation => [
      [12, 0, from! * 2 ** 24],
      [4, 0, to!],
    ],
  ),
  [
    [12, 2, 2 * 2 ** 24],
    [4, 0, 4],
  ],
  ...[4, 5, 6, 7, 10, 11, 20, 255].map((from): Translation => [[12, 0, from * 2 ** 24], undefined]),
  [[12, 1], undefined],
];

/** RFC 7915 5.2. */
const TO_IPV4: readonly Translation[] = [
  [
    [1, 0],
    [3, 1],
  ],
  [
    [1, 1],
    [3, 10],
  ],
  [
    [1, 2],
    [3, 1],
  ],
  [
    [1, 3],
    [3, 1],
  ],
  [
    [1, 4],
    [3, 3],
  ],
  [[1, 5], undefined],
  [
    [2, 0, 1300],
    [3, 4, 1280],
  ],
  [
    [2, 0, 4_000_000_000],
    [3, 4, 65535],
  ],
  [
    [3, 0],
    [11, 0],
  ],
  [
    [3, 1],
    [11, 1],
  ],
  [
    [4, 1],
    [3, 2],
  ],
  [[4, 2], undefined],
  ...[
    [0, 0],
    [1, 1],
    [4, 2],
    [5, 2],
    [6, 9],
    [7, 8],
    [8, 12],
    [23, 12],
    [24, 16],
    [39, 16],
  ].map(
    ([from, to]): Translation => [
      [4, 0, from!],
      [12, 0, to! * 2 ** 24],
    ],
  ),
  ...[2, 3, 40, 4_000_000_000].map((from): Translation => [[4, 0, from], undefined]),
];

for (const [what, table, fromServers] of [
  ['to IPv6', TO_IPV6, true],
  ['to IPv4', TO_IPV4, false],
] as const) {
  test(`NAT64: types, codes and pointers of errors ${what} are those of RFC 7915`, () => {
    const rig = new Rig({ topology: NAT64 });
    const flow = new Flow(rig).settled();
    const about = fromServers
      ? through(rig, flow.client({ flags: 'A', seq: 1, ack: 2, payload: 1200 })).slice(0, 500)
      : through(rig, flow.fromServer({ flags: 'A', seq: 2, ack: 1, payload: 1200 })).slice(0, 500);
    const to = fromServers ? flow.localAddress : NAT64.vip;
    for (const [[type, code, rest = 0], wanted] of table) {
      const before = rig.counter('drop-icmp-untranslatable');
      const [sent] = rig.send(...errorOn(fromServers ? INSIDE : OUTSIDE, to, { type, code, rest }, about));
      if (wanted === undefined) {
        assert.deepEqual([sent, rig.counter('drop-icmp-untranslatable')], [undefined, before + 1]);
        continue;
      }
      const [wantedType, wantedCode, value = 0] = wanted;
      const icmp = sent?.decoded.icmp;
      assert.deepEqual(
        [icmp?.type, icmp?.code, icmp?.rest],
        [wantedType, wantedCode, value],
        `${type}/${code}`,
      );
      assert.equal(icmp?.checksumRight && sent?.decoded.ip?.checksumRight, true);
    }
  });
}

for (const topology of [IPV4, IPV6, NAT64] as const satisfies readonly Topology[]) {
  const inside = topology.realServers[0]!.includes(':') ? 6 : 4;
  test(`IPv${topology.family} to IPv${inside}: whatever an error quotes, nothing throws, nothing is written outside of it`, () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).half();
    const about = through(rig, flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 60 }));
    const answer = through(rig, flow.fromServer({ flags: 'PA', seq: 1, ack: 1, payload: 60 }));
    const types = { 4: [3, 4, 11, 12], 6: [1, 2, 3, 4] };
    const change = fc.record({ at: fc.nat(90), value: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.nat(3),
        fc.nat(16),
        fc.nat(0xffff_ffff),
        fc.array(change, { maxLength: 4 }),
        fc.nat(130),
        (aboutClient, which, code, rest, changes, length) => {
          const quote = (aboutClient ? about : answer).slice();
          for (const { at, value } of changes) quote[at] = value;
          const to = aboutClient ? flow.localAddress : topology.vip;
          const type = types[aboutClient ? inside : topology.family][which]!;
          const link = aboutClient ? INSIDE : OUTSIDE;
          for (const sent of rig.send(...errorOn(link, to, { type, code, rest }, quote.slice(0, length)))) {
            const { ip, icmp } = sent.decoded;
            assert.equal(ip?.checksumRight && icmp?.checksumRight, true, 'what goes on is sound');
            assert.equal(sent.bytes.length, 14 + ip!.totalLength);
          }
        },
      ),
      { numRuns: 2000 },
    );
    assert.ok(rig.counter('icmp-error-to-client') > 50 && rig.counter('icmp-error-to-server') > 50);
  });
}
