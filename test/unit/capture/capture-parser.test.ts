import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PcapngWriter } from '../../../lib/capture/index.js';
import { ToaError } from '../../../lib/errors.js';
import { concat, hex } from '../../support/wire.js';
import { Blocks, faults, faultsNg, readAll } from './capture-file.js';

const expected = readAll(faults);

/** The same pcap in the other byte order, and with this magic number. */
function bigEndian(file: Uint8Array, magic: number): Uint8Array {
  const from = new DataView(file.buffer, file.byteOffset, file.length);
  const swapped = file.slice();
  const to = new DataView(swapped.buffer);
  to.setUint32(0, magic);
  for (const at of [4, 6]) to.setUint16(at, from.getUint16(at, true));
  for (const at of [8, 12, 16, 20]) to.setUint32(at, from.getUint32(at, true));
  for (let at = 24; at < file.length; ) {
    const length = from.getUint32(at + 8, true);
    for (let field = 0; field < 4; field++)
      to.setUint32(at + 4 * field, from.getUint32(at + 4 * field, true));
    at += 16 + length;
  }
  return swapped;
}

test('a pcap is read alike in both byte orders', () => {
  assert.equal(expected.length, 222);
  assert.deepEqual(readAll(bigEndian(faults, 0xa1b2c3d4)), expected);
});

test('nanoseconds are cut down to microseconds', () => {
  const times = readAll(bigEndian(faults, 0xa1b23c4d)).map(({ time }) => time % 1e6);
  assert.deepEqual(
    times,
    expected.map(({ time }) => Math.floor((time % 1e6) / 1000)),
  );
});

test('whatever pieces a file comes in, the packets are the same', () => {
  for (const piece of [1, 7, 64, 1000]) {
    assert.deepEqual(readAll(faults, piece), expected);
    assert.deepEqual(readAll(faultsNg, piece), readAll(faultsNg));
  }
});

const bytes = hex('450000140000000040060000 0a000001 0a000002 ff');

for (const littleEndian of [true, false]) {
  const order = littleEndian ? 'little-endian' : 'big-endian';
  const blocks = () => new Blocks(littleEndian);

  test(`pcapng, ${order}: interfaces have link types, resolutions and offsets of their own`, () => {
    const file = blocks();
    file
      .interface(1, 0)
      .interface(101, 0, file.option(9, hex('09')))
      .interface(113, 0, file.option(2, hex('6c6f')), file.option(9, hex('8a')))
      .interface(
        276,
        0,
        file.option(14, littleEndian ? hex('0a00000000000000') : hex('000000000000000a')),
        file.u32(0),
      )
      .packet(0, 0, 1_500_000, bytes)
      .packet(1, 1, 0, bytes, file.option(1, hex('616263')), file.u32(0)) // 2^32 nanoseconds
      .packet(2, 0, 1536, bytes) // of 1024 in a second
      .packet(3, 0, 5, bytes);
    assert.deepEqual(
      readAll(file.bytes).map(({ time, linkType }) => [time, linkType]),
      [
        [1_500_000, 1],
        [4_294_967, 101],
        [1_500_000, 113],
        [10_000_005, 276],
      ],
    );
    assert.ok(readAll(file.bytes).every((each) => each.hex === Buffer.from(bytes).toString('hex')));
  });

  test(`pcapng, ${order}: simple and obsolete packet blocks are read, other blocks passed over`, () => {
    const file = blocks();
    file
      .block(0x80000001, hex('00112233'))
      .interface(101, 20)
      .block(3, file.u32(bytes.length), bytes.subarray(0, 20))
      .block(4, new Uint8Array(40))
      .block(2, file.u16(0), file.u16(7), file.u32(0), file.u32(9), file.u32(21), file.u32(60), bytes);
    assert.deepEqual(
      readAll(file.bytes).map(({ time, hex: read, originalLength }) => [
        time,
        read.length / 2,
        originalLength,
      ]),
      [
        [0, 20, 21],
        [9, 21, 60],
      ],
    );
  });

  test(`pcapng, ${order}: what cannot be is refused, with its place in the file`, () => {
    const file = () => blocks().interface(1, 0);
    const { bytes: start } = file();
    const { u32 } = { u32: (value: number) => blocks().u32(value) };
    for (const [what, broken, message] of [
      [
        'an unknown interface',
        file().packet(1, 0, 0, bytes).bytes,
        /a packet of interface 1, of which no block told/,
      ],
      [
        'a short packet',
        file().block(6, new Uint8Array(16)).bytes,
        /16 bytes in a block, where what it says takes 20/,
      ],
      [
        'a packet longer than its block',
        file().block(6, u32(0), u32(0), u32(0), u32(99), u32(99)).bytes,
        /takes 119/,
      ],
      [
        'a huge packet',
        file().block(6, u32(0), u32(0), u32(0), u32(0xfffffff0), u32(1)).bytes,
        /a packet of 4294967280 bytes/,
      ],
      [
        'a huge block',
        concat(start, u32(6), u32(0xfffffff0), u32(0)),
        /a block of 4294967280 bytes, wanted a multiple of 4 from 12/,
      ],
      ['a block of length 0', concat(start, u32(6), u32(0), u32(0)), /a block of 0 bytes/],
      ['a block of odd length', concat(start, u32(6), u32(33), u32(0)), /a block of 33 bytes/],
      [
        'another length at the end',
        concat(start, u32(5), u32(16), u32(0), u32(20)),
        /16 bytes that ends in the length 20/,
      ],
      [
        'an option too long',
        blocks().interface(1, 0, blocks().option(9, new Uint8Array(4)).fill(255, 2, 4)).bytes,
        /what it says takes 65539/,
      ],
      ['a far future', file().packet(0, 0xffffffff, 0, bytes).bytes, /the time of a packet is not between/],
      [
        'no byte order',
        concat(hex('0a0d0d0a 0000001c 11111111'), new Uint8Array(16)),
        /without the magic number/,
      ],
      [
        'version 2',
        blocks().block(0x0a0d0d0a, u32(0x1a2b3c4d), u32(0x00020002), new Uint8Array(8)).bytes,
        /version 2 of pcapng, wanted 1/,
      ],
    ] as const) {
      assert.throws(
        () => readAll(broken),
        (error) => {
          assert.ok(error instanceof ToaError && error.code === 'ERR_TOA_CAPTURE', what);
          assert.match(error.message, /^at byte \d+: /);
          assert.match(error.message, message, what);
          return true;
        },
      );
    }
  });
}

test('more interfaces than any capture has are refused', () => {
  const file = new Blocks(true).interface(1, 0);
  const one = file.bytes.subarray(28);
  const many = new Uint8Array(70_000 * one.length);
  for (let i = 0; i < 70_000; i++) many.set(one, i * one.length);
  assert.throws(() => readAll(concat(file.bytes, many)), /more than 65536 interfaces in one section/);
});

test('a second section begins anew, in a byte order of its own', () => {
  const first = new Blocks(true).interface(1, 0).packet(0, 0, 1, bytes);
  const second = new Blocks(false).interface(101, 0).packet(0, 0, 2, bytes);
  assert.deepEqual(
    readAll(concat(first.bytes, second.bytes)).map(({ time, linkType }) => [time, linkType]),
    [
      [1, 1],
      [2, 101],
    ],
  );
  assert.throws(
    () => readAll(concat(second.bytes, new Blocks(true).packet(0, 0, 1, bytes).bytes)),
    /interface 0/,
  );
});

test('whatever is changed in a capture, it is read or refused, and no more than a record is kept', () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 8 });
  const file = fc.constantFrom(faults.subarray(0, 3000), faultsNg.subarray(0, 3000));
  fc.assert(
    fc.property(
      file,
      changes,
      fc.nat(3000),
      fc.integer({ min: 1, max: 3000 }),
      (sound, edits, cut, piece) => {
        const broken = sound.slice(0, cut);
        for (const [at, value] of edits) if (cut > 0) broken[at % cut] = value;
        try {
          const read = readAll(broken, piece);
          assert.ok(read.length < 40);
        } catch (error) {
          assert.ok(error instanceof ToaError && error.code === 'ERR_TOA_CAPTURE', String(error));
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('what the writer writes is read again, of any link types, times and comments', () => {
  const packet = fc.record({
    linkType: fc.constantFrom(1, 101, 113),
    time: fc.maxSafeNat(),
    content: fc.uint8Array({ maxLength: 300 }),
    more: fc.nat(1000),
    comment: fc.option(fc.string(), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 20 }), (packets) => {
      const pieces: Uint8Array[] = [];
      const writer = new PcapngWriter((piece) => pieces.push(piece.slice()), 'a test');
      for (const { linkType, time, content, more, comment } of packets) {
        const originalLength = content.length + more;
        writer.packet({ linkType, time, originalLength }, content, 0, content.length, comment);
      }
      writer.statistics(0, packets.length, 0);
      writer.flush();
      assert.deepEqual(
        readAll(concat(...pieces)),
        packets.map(({ linkType, time, content, more }) => ({
          linkType,
          time,
          originalLength: content.length + more,
          hex: Buffer.from(content).toString('hex'),
        })),
      );
    }),
  );
});

test('the writer hands on a megabyte at a time', () => {
  const sizes: number[] = [];
  const writer = new PcapngWriter((piece) => sizes.push(piece.length), 'a test');
  const content = new Uint8Array(262_144);
  for (let i = 0; i < 10; i++) {
    writer.packet({ linkType: 101, time: i, originalLength: content.length }, content, 0, content.length);
  }
  writer.flush();
  writer.flush();
  assert.equal(sizes.length, 4);
  assert.ok(sizes.every((size) => size <= 1 << 20));
});
