import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Datagram, fragmentOf, fragmentsOf, wholeOf } from '../../model/fragmentation.js';
import { type Piece, ReassemblyModel } from '../../model/reassembly.js';
import { packet, pattern } from '../../support/packet-builder.js';
import { decodeFrame } from '../../support/packet-decoder.js';
import { type Outcome, Reassembler } from '../../support/reassembler.js';
import { MACS, OUTSIDE, TOPOLOGIES, type Topology } from '../../support/topology.js';
import { hex } from '../../support/wire.js';

/** A protocol without a header of its own that reassembly would ask for. */
const BARE = 200;

function datagramOf({ client, vip, family }: Topology, wishes: Partial<Datagram> = {}): Datagram {
  return {
    from: client(7),
    to: vip,
    id: 0x1234,
    protocol: BARE,
    body: pattern(100),
    below: packet().ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] }),
    ...(family === 4 ? { options: hex('94040000'), laterOptions: hex('94040000') } : { extensions: [0] }),
    ...wishes,
  };
}

/** Room enough where few datagrams are on their way at a time. */
const SMALL = { datagrams: 8, pages: 68, datagramsPerSource: 8, pagesPerSource: 68 };

/** Cuts a body at random multiples of 8. */
const cuts = (length: number) =>
  fc.subarray(Array.from({ length: Math.ceil(length / 8) - 1 }, (_, i) => 8 * (i + 1)));

function piecesOf(datagram: Datagram, at: readonly number[]) {
  const bounds = [0, ...at, datagram.body.length];
  return at
    .concat(datagram.body.length)
    .map((end, i) => fragmentOf(datagram, bounds[i]!, end, end < datagram.body.length));
}

const bodies = fc.integer({ min: 9, max: 3000 }).chain((length) =>
  fc.record({
    body: fc.constant(pattern(length, length)),
    cuts: cuts(length).filter((at) => at.length > 0),
  }),
);

for (const topology of TOPOLOGIES) {
  const { family } = topology;
  const name = (what: string) => `IPv${family}: ${what}`;
  const datagram = (wishes: Partial<Datagram> = {}) => datagramOf(topology, wishes);

  test(name('however a datagram was cut and its fragments came, the last one makes it whole again'), () => {
    fc.assert(
      fc.property(
        bodies.chain(({ body, cuts: at }) =>
          fc.record({
            body: fc.constant(body),
            at: fc.constant(at),
            order: fc.shuffledSubarray(
              Array.from({ length: at.length + 1 }, (_, i) => i),
              { minLength: at.length + 1 },
            ),
            again: fc.nat(),
          }),
        ),
        ({ body, at, order, again }) => {
          const reassembler = new Reassembler(SMALL);
          const whole = datagram({ body });
          const pieces = piecesOf(whole, at);
          const outcomes = order.slice(0, -1).map((i) => reassembler.add(pieces[i]!));
          assert.ok(outcomes.every((outcome) => outcome === 'held'));
          const repeated = order[again % (order.length - 1)]!;
          assert.equal(reassembler.add(pieces[repeated]!), 'drop-fragment-duplicate');
          assert.deepEqual(reassembler.add(pieces[order.at(-1)!]!), wholeOf(whole).bytes());
          assert.equal(
            reassembler.largestFragment,
            Math.max(...pieces.map((piece) => piece.bytes().length - 14)),
          );
        },
      ),
    );
  });

  test(name('any fragments, overlapping or false ones too, fare as a simple model says'), () => {
    const seldom = <T>(usual: T, other: fc.Arbitrary<T>) =>
      fc.oneof({ weight: 20, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });
    // Mostly of a body of 29 bytes, and true.
    const piece = fc
      .record({
        id: fc.nat(1),
        at: fc.nat(3).map((unit) => 8 * unit),
        units: seldom(1, fc.integer({ min: 2, max: 3 })),
        odd: seldom(0, fc.integer({ min: 1, max: 7 })),
        wrongMore: seldom(false, fc.constant(true)),
        wrongBody: seldom(0, fc.constant(1)),
      })
      .map(({ id, at, units, odd, wrongMore, wrongBody }) => {
        const end = Math.min(at + 8 * units, 29) - odd;
        return { id, at, end, more: end < 29 !== wrongMore, body: pattern(29, id + wrongBody) };
      })
      .filter(({ at, more }) => at > 0 || more);
    let completed = 0;
    fc.assert(
      fc.property(fc.array(piece, { minLength: 10, maxLength: 40 }), (sent) => {
        const reassembler = new Reassembler(SMALL);
        const model = new ReassemblyModel();
        for (const { id, at, end, more, body } of sent) {
          const bytes = body.slice(at, end);
          const expected = model.add({ key: String(id), at, bytes, more } satisfies Piece);
          const outcome = reassembler.add(fragmentOf(datagram({ id, body }), at, end, more));
          if (typeof expected === 'string') assert.equal(outcome, expected);
          else {
            completed++;
            assert.deepEqual(bodyOf(outcome), expected);
          }
        }
      }),
      { numRuns: 500 },
    );
    assert.ok(completed > 200, `${completed} datagrams became whole`);
  });

  test(name('fragments of many datagrams at once are kept apart by what RFC 791 and RFC 8200 say'), () => {
    const reassembler = new Reassembler();
    const others: Partial<Datagram>[] = [
      {},
      { id: 0x1235 },
      { from: topology.client(8) },
      { to: topology.localAddresses[0]! },
    ];
    if (family === 4) others.push({ protocol: 201 });
    const all = others.map((wishes, i) => datagram({ body: pattern(64, i), ...wishes }));
    for (const one of all) assert.equal(reassembler.add(fragmentOf(one, 0, 32, true)), 'held');
    for (const one of all) {
      assert.deepEqual(reassembler.add(fragmentOf(one, 32, 64, false)), wholeOf(one).bytes());
    }
  });

  test(name('the largest datagram of all becomes whole; one byte more is refused'), () => {
    const reassembler = new Reassembler();
    const most = 65535 - (family === 4 ? 24 : 8);
    const largest = datagram({ body: pattern(most) });
    const pieces = fragmentsOf(largest, 1440);
    const outcomes = pieces.map((piece) => reassembler.add(piece));
    assert.deepEqual(outcomes.at(-1), wholeOf(largest).bytes());

    const longer = datagram({ body: pattern(65536) });
    assert.equal(reassembler.add(fragmentOf(longer, most & ~7, most + 1, false)), 'drop-fragment-too-long');
  });

  test(
    name("a datagram that its first fragment's longer headers make too long is refused when it is whole"),
    () => {
      const reassembler = new Reassembler();
      const bare = { body: pattern(65500), options: new Uint8Array(), laterOptions: new Uint8Array() };
      const long = family === 4 ? { options: new Uint8Array(40).fill(1) } : { extensions: [0, 60, 0, 60, 0] };
      const short = family === 4 ? {} : { extensions: [] };
      for (const piece of fragmentsOf(datagram({ ...bare, ...short }), 8184).slice(1)) {
        assert.equal(reassembler.add(piece), 'held');
      }
      const first = fragmentOf(datagram({ ...bare, ...long }), 0, 8184, true);
      assert.equal(reassembler.add(first), 'drop-fragment-too-long');
      assert.equal(reassembler.add(first), 'held', 'nothing is left of it');
    },
  );

  test(name('a teardrop, a second fragment within the first, drops the datagram'), () => {
    const reassembler = new Reassembler();
    const body = pattern(64);
    assert.equal(reassembler.add(fragmentOf(datagram({ body }), 0, 40, true)), 'held');
    const lying = datagram({ body: pattern(64, 1) });
    assert.equal(reassembler.add(fragmentOf(lying, 24, 28, false)), 'drop-fragment-overlap');
    assert.equal(reassembler.add(fragmentOf(datagram({ body }), 40, 64, false)), 'held', 'of a new datagram');
  });

  test(name('a first fragment without the whole transport header is refused'), () => {
    const rows: [protocol: number, enough: number][] = [
      [6, 24],
      [17, 8],
      [family === 4 ? 1 : 58, 8],
    ];
    for (const [protocol, enough] of rows) {
      const reassembler = new Reassembler();
      const fragment = (end: number) => fragmentOf(datagram({ protocol }), 0, end, true);
      if (enough > 8) assert.equal(reassembler.add(fragment(enough - 8)), 'drop-fragment-tiny');
      assert.equal(reassembler.add(fragment(enough)), 'held');
    }
  });

  test(name('a fragment that leaves a checksum or segmentation to us is refused'), () => {
    const reassembler = new Reassembler();
    const { bytes } = fragmentOf(datagram(), 0, 32, true).build();
    for (const virtio of ['01002200000022001000', '00030000640000000000']) {
      assert.throws(() => reassembler.add({ bytes, virtio: hex(virtio) }), /no fragment/);
    }
  });

  test(name("a router's congestion mark on one fragment is the whole datagram's"), () => {
    const rows: [classes: number[], whole: number | string][] = [
      [[0xb8, 0xb8], 0xb8],
      [[0xb9, 0xb9], 0xb9],
      [[0xb9, 0xba], 0xb9],
      [[0xba, 0xbb], 0xbb],
      [[0xbb, 0xb9], 0xbb],
      [[0xb8, 0xb9], 'drop-fragment-ecn'],
      [[0xbb, 0xb8], 'drop-fragment-ecn'],
    ];
    for (const [[first, second], expected] of rows) {
      const reassembler = new Reassembler();
      reassembler.add(fragmentOf(datagram({ trafficClass: first! }), 0, 48, true));
      const outcome = reassembler.add(fragmentOf(datagram({ trafficClass: second! }), 48, 100, false));
      if (typeof expected === 'string') assert.equal(outcome, expected);
      else assert.deepEqual(outcome, wholeOf(datagram({ trafficClass: expected })).bytes());
    }
  });

  test(name('time is over after half a minute (IPv6: a minute), and the sender hears of it'), () => {
    const timeout = family === 4 ? 30_000 : 60_000;
    const reassembler = new Reassembler();
    const whole = datagram({ body: pattern(3000) });
    const [first, second] = fragmentsOf(whole, 1440);
    reassembler.add(first!, 500);
    reassembler.add(second!, 20_000);
    assert.equal(reassembler.expire(500 + timeout - 1), 0);
    assert.equal(reassembler.expire(500 + timeout), 1);
    assert.equal(reassembler.counters.get('fragments-timed-out'), 1);
    const [error, ...more] = reassembler.drain();
    assert.equal(more.length, 0);
    const { ip, icmp } = decodeFrame({ bytes: error!, virtio: new Uint8Array(10) });
    assert.deepEqual([icmp?.type, icmp?.code, icmp?.checksumRight], [family === 4 ? 11 : 3, 1, true]);
    assert.deepEqual(ip?.to, decodeFrame(first!.build()).ip?.from);
    const quoted = first!.bytes().slice(14);
    assert.deepEqual(icmp?.body, quoted.slice(0, icmp?.body.length));
    assert.ok(icmp!.body.length > 500);
    assert.equal(reassembler.add(second!, 500 + timeout), 'held', 'nothing is left of it');
  });

  test(name('nobody hears of a datagram whose first fragment never came'), () => {
    const reassembler = new Reassembler();
    reassembler.add(fragmentOf(datagram(), 48, 100, false));
    assert.equal(reassembler.expire(60_000), 1);
    assert.deepEqual(reassembler.drain(), []);
  });

  test(name("who begins more than his share loses his own oldest, not the others'"), () => {
    const limits = { datagrams: 20, pages: 2000, datagramsPerSource: 4, pagesPerSource: 34 };
    const reassembler = new Reassembler(limits);
    const of = (client: number, id: number) =>
      datagram({ from: clientFarAway(topology, client), id, body: pattern(100, id) });
    reassembler.add(fragmentOf(of(1, 1), 0, 48, true));
    for (let id = 1; id <= 6; id++) assert.equal(reassembler.add(fragmentOf(of(2, id), 0, 48, true)), 'held');
    assert.equal(reassembler.counters.get('fragments-evicted'), 2);
    assert.deepEqual(reassembler.add(fragmentOf(of(1, 1), 48, 100, false)), wholeOf(of(1, 1)).bytes());
    assert.deepEqual(reassembler.add(fragmentOf(of(2, 3), 48, 100, false)), wholeOf(of(2, 3)).bytes());
    assert.equal(reassembler.add(fragmentOf(of(2, 2), 48, 100, false)), 'held', 'it was given up');
  });

  test(name('who sends more bytes than his share loses his own oldest, never what is being sent'), () => {
    const limits = { datagrams: 20, pages: 2000, datagramsPerSource: 20, pagesPerSource: 34 };
    const reassembler = new Reassembler(limits);
    const of = (id: number) => datagram({ id, body: pattern(65000, id) });
    const pieces = [1, 2].map((id) => fragmentsOf(of(id), 1440));
    reassembler.add(pieces[1]![0]!);
    for (const piece of pieces[0]!.slice(0, -1)) reassembler.add(piece);
    assert.equal(reassembler.counters.get('fragments-evicted'), 1);
    assert.deepEqual(reassembler.add(pieces[0]!.at(-1)!), wholeOf(of(1)).bytes());
  });

  test(name('when all places are taken, or all bytes, the oldest of all is given up'), () => {
    for (const limits of [
      { datagrams: 3, pages: 2000, datagramsPerSource: 3, pagesPerSource: 100 },
      // Two pages each: headers and data.
      { datagrams: 100, pages: 34, datagramsPerSource: 100, pagesPerSource: 100 },
    ]) {
      const reassembler = new Reassembler(limits);
      const room = Math.min(limits.datagrams, limits.pages / 2);
      const of = (client: number) => datagram({ from: clientFarAway(topology, client) });
      for (let client = 1; client <= room + 1; client++) {
        assert.equal(reassembler.add(fragmentOf(of(client), 0, 48, true), client), 'held');
      }
      assert.equal(reassembler.counters.get('fragments-evicted'), 1);
      assert.deepEqual(reassembler.add(fragmentOf(of(2), 48, 100, false), 99), wholeOf(of(2)).bytes());
      assert.equal(reassembler.add(fragmentOf(of(1), 48, 100, false), 99), 'held', 'it was given up');
    }
  });

  test(name('a datagram that becomes whole when no buffer is free is dropped and counted'), (t) => {
    const reassembler = new Reassembler();
    const { emitted } = reassembler;
    const taken = Array.from({ length: emitted.available }, () => emitted.take(100)!);
    t.after(() => {
      for (const frame of taken) emitted.discard(frame);
    });
    reassembler.add(fragmentOf(datagram(), 0, 48, true));
    assert.equal(reassembler.add(fragmentOf(datagram(), 48, 100, false)), 'drop-out-of-buffers');
  });

  test(
    name('a whole datagram that parse refuses is dropped under its reason, and its buffer is free again'),
    () => {
      const reassembler = new Reassembler();
      const { available } = reassembler.emitted;
      const tcp = datagram({ protocol: 6, body: new Uint8Array(64) });
      reassembler.add(fragmentOf(tcp, 0, 32, true));
      assert.equal(reassembler.add(fragmentOf(tcp, 32, 64, false)), 'drop-bad-tcp-header');
      assert.equal(reassembler.emitted.available, available);
    },
  );

  test(name('fragments of every sort, by the thousand, leave no page and no place taken'), {
    timeout: 60_000,
  }, () => {
    const limits = { datagrams: 8, pages: 40, datagramsPerSource: 4, pagesPerSource: 36 };
    const reassembler = new Reassembler(limits);
    let seed = 1;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    for (let i = 0; i < 20_000; i++) {
      const at = 8 * random(4);
      const length = 8 * (1 + random(300));
      const one = datagram({
        from: clientFarAway(topology, random(6)),
        id: random(3),
        body: new Uint8Array(at + length),
      });
      reassembler.add(fragmentOf(one, at, at + length, at === 0 || random(3) > 0), i);
    }
    reassembler.expire(1e9);
    reassembler.drain();
    const largest = datagram({ body: pattern(65000) });
    const outcomes = fragmentsOf(largest, 1440).map((piece) => reassembler.add(piece, 1e9));
    assert.deepEqual(outcomes.at(-1), wholeOf(largest).bytes());
    assert.equal(reassembler.counters.get('fragments-in'), 20_000 + outcomes.length);
  });
}

/** Clients that share no /64. */
function clientFarAway({ family }: Topology, n: number): string {
  return family === 4 ? `203.0.113.${n}` : `2001:db8:${(n + 1).toString(16)}::7`;
}

/** What follows the headers of a reassembled datagram of `datagramOf`. */
function bodyOf(outcome: Outcome): Uint8Array {
  assert.ok(typeof outcome !== 'string', `${outcome}`);
  return decodeFrame({ bytes: outcome, virtio: new Uint8Array(10) }).ip!.payload;
}

test('IPv6: a sender hears what is wrong with its fragment, as RFC 8200 wants it; over IPv4 it does not', () => {
  for (const topology of TOPOLOGIES) {
    const wrong = (wishes: Partial<Datagram>, at: number, end: number) => {
      const reassembler = new Reassembler();
      reassembler.add(fragmentOf(datagramOf(topology, { options: hex(''), ...wishes }), at, end, true));
      return reassembler.drain().map((bytes) => {
        const { icmp } = decodeFrame({ bytes, virtio: new Uint8Array(10) });
        return [icmp?.type, icmp?.code, icmp?.rest, icmp?.checksumRight];
      });
    };
    const answers = [
      wrong({}, 0, 12),
      wrong({ body: pattern(65536) }, 65520, 65536),
      wrong({ protocol: 6 }, 0, 16),
    ];
    // Where it points: at the payload's length, at the fragment's offset behind a hop-by-hop header, nowhere.
    const ipv6 = [[[4, 0, 4, true]], [[4, 0, 50, true]], [[4, 3, 0, true]]];
    assert.deepEqual(answers, topology.family === 6 ? ipv6 : [[], [], []]);
  }
});

test('IPv6: headers that are longer than what is kept of them are refused, and touch nothing that is kept', () => {
  const reassembler = new Reassembler(SMALL);
  const topology = TOPOLOGIES[1]!;
  const of = (id: number) => datagramOf(topology, { id, body: pattern(100, id) });
  const withHeaders = (id: number, bytes: number) => {
    const { below, from, to } = of(id);
    const half = new Uint8Array((bytes - 14 - 40 - 8) / 2 - 2);
    const headers = below!.ip({ from, to }).extension(0, half).extension(60, half);
    return headers.fragment({ offset: 0, more: true, id, protocol: BARE }).payload(pattern(48));
  };
  assert.equal(reassembler.add(withHeaders(1, 2046)), 'held');
  assert.equal(reassembler.add(fragmentOf(of(2), 48, 100, false)), 'held');
  assert.equal(reassembler.add(withHeaders(3, 2062)), 'drop-bad-ip-header');
  assert.deepEqual(reassembler.drain(), []);
  assert.deepEqual(reassembler.add(fragmentOf(of(2), 0, 48, true)), wholeOf(of(2)).bytes());
  assert.equal(reassembler.expire(60_000), 1);
});
