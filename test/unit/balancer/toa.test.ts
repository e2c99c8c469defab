import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow, type FlowSegment } from '../../support/flow.js';
import { Rig } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { IPV4, IPV6, TOPOLOGIES } from '../../support/topology.js';
import { address, concat, hex, hostPort, u16 } from '../../support/wire.js';

const NOPS = (n: number) => new Uint8Array(n).fill(1);
const FORGED = hostPort('192.0.2.66', 666);
const FORGED6 = hostPort('2001:db8:bad::1', 666);

for (const topology of TOPOLOGIES) {
  const { family, toaLength, ipHeader } = topology;
  const name = (what: string) => `IPv${family}: ${what}`;

  test(
    name("the option is there until the client acknowledges the server's first byte, FIN included"),
    () => {
      const rig = new Rig({ topology });
      const flow = new Flow(rig).half();
      const options = [flow.toa];
      const due: [string, FlowSegment][] = [
        ['the handshake ACK', { flags: 'A', seq: 1, ack: 1 }],
        ['data', { flags: 'PA', seq: 1, ack: 1, payload: 100 }],
        ['more data', { flags: 'A', seq: 101, ack: 1, payload: 33 }],
        ['data sent again', { flags: 'PA', seq: 1, ack: 1, payload: 100 }],
        ['data with FIN', { flags: 'FPA', seq: 134, ack: 1, payload: 1 }],
      ];
      for (const [what, segment] of due) {
        const out = flow.toServer({ ...segment, options });
        rig.play([{ what, in: flow.client(segment), out: [out], counters: { 'toa-added': 1 } }]);
      }
      const late = { flags: 'A', seq: 136, ack: 1 };
      const bytes = { flags: 'PA', seq: 1, ack: 136, payload: 'x' };
      rig.play([
        { what: 'the first byte', in: flow.fromServer(bytes), out: [flow.toClient(bytes)] },
        {
          what: 'an ACK that does not cover it',
          in: flow.client(late),
          out: [flow.toServer({ ...late, options })],
          counters: { 'toa-added': 1 },
        },
        {
          what: 'the ACK that does',
          in: flow.client({ ...late, ack: 2 }),
          out: [flow.toServer({ ...late, ack: 2 })],
        },
      ]);
    },
  );

  test(name('no option on a RST, nor on segments without ACK'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).half();
    const reset = { flags: 'R', seq: 1 };
    rig.play([{ what: 'RST', in: flow.client(reset), out: [flow.toServer(reset)] }]);
    const other = new Flow(rig, { port: 2 }).half();
    const resetAck = { flags: 'RA', seq: 1, ack: 1 };
    rig.play([{ what: 'RST with ACK', in: other.client(resetAck), out: [other.toServer(resetAck)] }]);
  });

  test(name('on the SYN only when asked for'), () => {
    const options = [tcpOption.mss(1460), tcpOption.sackPermitted, tcpOption.timestamps(1, 0), NOPS(1)];
    const blanked = [tcpOption.mss(1460), tcpOption.sackPermitted, NOPS(11)];
    const tail = tcpOption.windowScale(7);
    const ack = { flags: 'A', seq: 1, ack: 1 };
    for (const [on, onSyn, onAck] of [
      [['ack'], false, true],
      [['syn', 'ack'], true, true],
      [['syn'], true, false],
      [[], false, false],
    ] as const) {
      const rig = new Rig({ topology, service: { toa: { on } } });
      const flow = new Flow(rig);
      const sent = flow.syn({ options: [...options, tail] });
      const expected = [...(onSyn ? [flow.toa] : []), ...blanked, tail];
      rig.expect(`SYN with ${on}`, [sent], [flow.toServer({ flags: 'S', options: expected })]);
      rig.send(...flow.fromServer({ flags: 'SA', ack: 1 }));
      const out = flow.toServer({ ...ack, options: onAck ? [flow.toa] : [] });
      rig.play([
        {
          what: `ACK with ${on}`,
          in: flow.client(ack),
          out: [out],
          counters: onAck ? { 'toa-added': 1 } : {},
        },
      ]);
    }
  });

  test(name('Fast Open in both forms is blanked on the SYN'), () => {
    const cookie = hex('0011223344556677');
    for (const fastOpen of [
      tcpOption.fastOpen(cookie),
      tcpOption.fastOpenExperimental(cookie),
      tcpOption.fastOpen(hex('')),
    ]) {
      const rig = new Rig({ topology });
      const flow = new Flow(rig);
      const sent = flow.syn({ options: [tcpOption.mss(1460), fastOpen], payload: 'early' });
      const options = [tcpOption.mss(1460), NOPS(fastOpen.length)];
      // The option list is padded with zeros behind what stood there.
      rig.expect('SYN', [sent], [flow.toServer({ flags: 'S', options, payload: 'early' })]);
      assert.equal(rig.counter('option-fast-open-removed'), 1);
    }
  });

  test(name("a client's own option never passes, whatever its kind and length, in no packet"), () => {
    const lengths = {
      254: [2, 8, 16, 20],
      253: [8, 20],
      252: [8, 20],
      250: [8],
      249: [40],
      201: [20],
      200: [8],
      28: [7],
    };
    for (const [kind, sizes] of Object.entries(lengths)) {
      for (const size of sizes) {
        const forged = tcpOption.raw(Number(kind), new Uint8Array(size - 2).fill(1));
        if (Number(kind) === 28) forged[2] = 1;
        const padding = new Uint8Array((4 - (size % 4)) % 4);
        const options = [forged, padding];
        const blank = [NOPS(size), padding];
        const rig = new Rig({ topology });
        const flow = new Flow(rig);
        const counters = { 'toa-stripped': 1 };
        const sent = flow.syn({ options });
        rig.expect(
          `kind ${kind} length ${size} on the SYN`,
          [sent],
          [flow.toServer({ flags: 'S', options: blank })],
        );
        rig.send(...flow.fromServer({ flags: 'SA', ack: 1 }));
        const early = { flags: 'PA', seq: 1, ack: 1, payload: 5, options };
        const [out] = rig.send(...flow.client(early));
        assert.deepEqual(
          out?.decoded.tcp?.options.map(({ bytes }) => bytes),
          [flow.toa],
          `kind ${kind} length ${size} on early data`,
        );
        rig.send(...flow.fromServer({ flags: 'PA', seq: 1, ack: 6, payload: 'x' }));
        for (const flags of ['A', 'PA', 'FA', 'RA']) {
          const late = { flags, seq: 6, ack: 2, options };
          const what = `kind ${kind} length ${size} on ${flags}`;
          rig.play([
            { what, in: flow.client(late), out: [flow.toServer({ ...late, options: blank })], counters },
          ]);
        }
      }
    }
  });

  test(name('repeated, hidden and malformed options of a client are blanked'), () => {
    const toa = tcpOption.toa(FORGED);
    const rows: [string, Uint8Array[], Uint8Array[], Record<string, number>][] = [
      ['twice', [toa, toa], [NOPS(16)], { 'toa-stripped': 2 }],
      ['at an odd place', [NOPS(1), toa, NOPS(3)], [NOPS(12)], { 'toa-stripped': 1 }],
      [
        'between others',
        [tcpOption.raw(77, hex('aabb')), toa, tcpOption.raw(78, hex('ccdd'))],
        [tcpOption.raw(77, hex('aabb')), NOPS(8), tcpOption.raw(78, hex('ccdd'))],
        { 'toa-stripped': 1 },
      ],
      ['behind the end of the list', [tcpOption.end, NOPS(3), toa], [NOPS(12)], {}],
      [
        'behind a wrong length',
        [Uint8Array.of(99, 1), NOPS(2), toa],
        [NOPS(12)],
        { 'option-list-malformed': 1 },
      ],
      [
        'with a length beyond the header',
        [Uint8Array.of(254, 20), NOPS(6)],
        [NOPS(8)],
        { 'option-list-malformed': 1 },
      ],
      ['with length 0', [Uint8Array.of(254, 0), NOPS(2)], [NOPS(4)], { 'option-list-malformed': 1 }],
    ];
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    for (const [what, options, blank, counters] of rows) {
      const segment = { flags: 'PA', seq: 1, ack: 2, payload: 3 };
      rig.play([
        {
          what,
          in: flow.client({ ...segment, options }),
          out: [flow.toServer({ ...segment, options: blank })],
          counters,
        },
      ]);
    }
  });

  test(name('User Timeout and options of nobody pass'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    const options = [tcpOption.raw(28, u16(5)), tcpOption.raw(99, hex('0102'))];
    const segment = { flags: 'A', seq: 1, ack: 2, options };
    rig.play([{ what: 'kept', in: flow.client(segment), out: [flow.toServer(segment)] }]);
  });

  test(name('cascade keeps what the balancer in front has written'), () => {
    const rig = new Rig({ topology, service: { toa: { cascade: true } } });
    const flow = new Flow(rig).half();
    const options = [tcpOption.toa(family === 4 ? FORGED : FORGED6)];
    const segment = { flags: 'A', seq: 1, ack: 1 };
    const [out] = rig.send(...flow.client({ ...segment, options }));
    assert.deepEqual(
      out?.decoded.tcp?.options.map(({ bytes }) => bytes).includes(options[0]!) ||
        out?.decoded.tcp?.options.some(({ bytes }) => Buffer.compare(bytes, options[0]!) === 0),
      true,
    );
    assert.equal(rig.counter('toa-stripped'), 0);
  });

  test(name('a full header is made room in as the service says'), () => {
    const ts = tcpOption.timestamps(1, 2);
    const sack = tcpOption.sack(10, 20, 30, 40, 50, 60);
    const full = [NOPS(2), ts, NOPS(2), sack];
    const rows = [
      {
        prune: 'protected',
        keep: (toa: Uint8Array) => [toa, ts],
        counters: { 'toa-pruned': 1, 'toa-added': 1 },
      },
      { prune: 'strip-all', keep: (toa: Uint8Array) => [toa], counters: { 'toa-pruned': 1, 'toa-added': 1 } },
      { prune: 'none', keep: () => full, counters: { 'toa-refused-header-full': 1 } },
    ] as const;
    for (const { prune, keep, counters } of rows) {
      const rig = new Rig({ topology, service: { toa: { prune } } });
      const flow = new Flow(rig).half();
      const segment = { flags: 'PA', seq: 1, ack: 1, payload: 50 };
      rig.play([
        {
          what: `prune: ${prune}`,
          in: flow.client({ ...segment, options: full }),
          out: [flow.toServer({ ...segment, options: keep(flow.toa) })],
          counters,
        },
      ]);
    }
  });

  test(name('no more is pruned than the option needs, NOPs first'), () => {
    const ts = tcpOption.timestamps(1, 2);
    const sack = tcpOption.sack(10, 20);
    const first = tcpOption.raw(77, new Uint8Array(6));
    const second = tcpOption.raw(78, new Uint8Array(family === 4 ? 16 : 2));
    const rows: [string, Uint8Array[], Uint8Array[]][] = [
      ['only NOPs', [NOPS(2), ts, NOPS(14), sack], [ts, sack]],
      ['the first that is not protected', [first, second, NOPS(40 - 18 - second.length), ts], [second, ts]],
    ];
    for (const [what, options, kept] of rows) {
      const rig = new Rig({ topology });
      const flow = new Flow(rig).half();
      const segment = { flags: 'A', seq: 1, ack: 1 };
      rig.play([
        {
          what,
          in: flow.client({ ...segment, options }),
          out: [flow.toServer({ ...segment, options: [flow.toa, ...kept] })],
          counters: { 'toa-pruned': 1, 'toa-added': 1 },
        },
      ]);
    }
  });

  test(name('what a SYN negotiates with is protected'), () => {
    const mptcp = tcpOption.raw(30, new Uint8Array(family === 4 ? 10 : 2).fill(7));
    const other = tcpOption.raw(77, new Uint8Array(16).fill(7));
    const head = [tcpOption.mss(1460), tcpOption.sackPermitted, tcpOption.windowScale(7)];
    const full = [other, ...head, NOPS(1), mptcp];
    for (const { prune, left } of [
      { prune: 'protected', left: [...head, mptcp] },
      { prune: 'strip-all', left: [head[0]!, head[2]!] },
    ] as const) {
      const rig = new Rig({ topology, service: { toa: { on: ['syn', 'ack'], prune } } });
      const flow = new Flow(rig);
      const sent = flow.syn({ options: full });
      rig.expect(prune, [sent], [flow.toServer({ flags: 'S', options: [flow.toa, ...left] })]);
      assert.equal(rig.counter('toa-pruned'), 1);
    }
  });

  test(
    name('where no segment after the SYN carries the option, the MSS stays as the server announced it'),
    () => {
      for (const on of [[], ['syn']] as const) {
        const rig = new Rig({ topology, service: { toa: { on } } });
        const flow = new Flow(rig);
        flow.syn();
        const synAck = { flags: 'SA', ack: 1, options: [tcpOption.mss(1400)] };
        rig.play([{ what: `on: ${on}`, in: flow.fromServer(synAck), out: [flow.toClient(synAck)] }]);
      }
    },
  );

  test(name('a segment that would outgrow the MTU goes without the option, counted'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).half();
    const fits = 1500 - ipHeader - 20 - toaLength;
    const segment = (payload: number) => ({ flags: 'A', seq: 1, ack: 1, payload });
    rig.play([
      {
        what: 'just fits',
        in: flow.client(segment(fits)),
        out: [flow.toServer({ ...segment(fits), options: [flow.toa] })],
        counters: { 'toa-added': 1 },
      },
      {
        what: 'one byte more',
        in: flow.client(segment(fits + 1)),
        out: [flow.toServer(segment(fits + 1))],
        counters: { 'toa-refused-mtu': 1 },
      },
    ]);
  });

  test(name('other options make room where the option would make a segment outgrow the MTU'), () => {
    const ts = tcpOption.timestamps(1, 2);
    const sack = tcpOption.sack(10, 20);
    const both = [ts, sack];
    for (const { prune, options, free, kept } of [
      { prune: 'protected', options: both, free: toaLength - 8, kept: [ts] },
      { prune: 'protected', options: [NOPS(2), ts], free: toaLength - 4, kept: undefined },
      { prune: 'strip-all', options: both, free: 0, kept: [] },
      { prune: 'none', options: both, free: toaLength - 4, kept: undefined },
    ] as const) {
      const rig = new Rig({ topology, service: { toa: { prune } } });
      const flow = new Flow(rig).half();
      const segment = {
        flags: 'A',
        seq: 1,
        ack: 1,
        payload: 1500 - free - ipHeader - 20 - concat(...options).length,
      };
      const out = kept === undefined ? options : [flow.toa, ...kept];
      rig.play([
        {
          what: `${prune}, ${free} bytes are free`,
          in: flow.client({ ...segment, options }),
          out: [flow.toServer({ ...segment, options: out })],
          counters: kept === undefined ? { 'toa-refused-mtu': 1 } : { 'toa-pruned': 1, 'toa-added': 1 },
        },
      ]);
    }
  });

  test(name('the MSS is lowered to what leaves room for the option, whatever the server announces'), () => {
    const most = 1500 - ipHeader - 20;
    for (const [announced, shown] of [
      [most, most - toaLength],
      [1000, 1000 - toaLength],
      [8960, most - toaLength],
    ] as const) {
      for (const lead of [NOPS(0), NOPS(1), tcpOption.sackPermitted]) {
        const rig = new Rig({ topology });
        const flow = new Flow(rig);
        flow.syn();
        const synAck = (mss: number) => ({ flags: 'SA', ack: 1, options: [lead, tcpOption.mss(mss)] });
        rig.play([
          {
            what: `${announced} behind ${lead.length} bytes`,
            in: flow.fromServer(synAck(announced)),
            out: [flow.toClient(synAck(shown))],
            counters: { 'mss-lowered': 1 },
          },
        ]);
      }
    }
  });
}

test('other forms of the option carry the client in their own way', () => {
  const v4 = hostPort(IPV4.client(7), 51514);
  const v6 = hostPort(IPV6.client(7), 51514);
  const vip = concat(address(IPV4.vip), u16(IPV4.port));
  const rows = [
    [IPV4, 'toa-v4-200', [tcpOption.toa(v4, 200)]],
    [IPV4, 'toa-v4-253', [tcpOption.toa(v4, 253)]],
    [IPV6, 'toa-v6-253', [tcpOption.toa(v6, 253)]],
    [IPV6, 'toa-v6-201', [tcpOption.toa(v6, 201)]],
    [
      IPV4,
      'vtoa-252',
      [tcpOption.raw(252, concat(u16(51514), v4.address, hex('00000000'), vip, hex('0000')))],
    ],
    [
      IPV4,
      'toa-254-16',
      [tcpOption.raw(254, concat(u16(51514), v4.address, hex('0000'), u16(80), address(IPV4.vip)))],
    ],
    [IPV4, 'cdn-28-v4', [tcpOption.raw(28, concat(Uint8Array.of(1), v4.address)), NOPS(1)]],
    [IPV6, 'cdn-28-v6', [tcpOption.raw(28, concat(Uint8Array.of(1), v6.address)), NOPS(1)]],
  ] as const;
  for (const [topology, format, options] of rows) {
    const rig = new Rig({ topology, service: { toa: { format } } });
    const flow = new Flow(rig).half();
    const ack = { flags: 'A', seq: 1, ack: 1 };
    rig.play([
      {
        what: format,
        in: flow.client(ack),
        out: [flow.toServer({ ...ack, options })],
        counters: { 'toa-added': 1 },
      },
    ]);
  }
});
