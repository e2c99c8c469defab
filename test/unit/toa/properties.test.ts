import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Endpoint, type Family, formatAddress } from '../../../lib/net/address.js';
import {
  acceptFormats,
  decodeToa,
  encodeToa,
  findToa,
  formats,
  readSavedSyn,
  type ToaFormat,
  type ToaRecord,
} from '../../../lib/toa/index.js';

const all = acceptFormats('all');
/** Records with the prototype that the decoder's have. */
const plain = { noNullPrototype: true };
const someFormat = fc.constantFrom(...formats);
const someAccepted = fc.constantFrom(...all.formats);

function endpoints(family: Family, hasPort: boolean): fc.Arbitrary<Endpoint> {
  const length = family === 4 ? 4 : 16;
  return fc.record(
    {
      address: fc
        .uint8Array({ minLength: length, maxLength: length })
        .map((bytes) => formatAddress(bytes, 0, family)),
      port: hasPort ? fc.nat(65535) : fc.constant(0),
      family: fc.constant(family),
    },
    plain,
  );
}

function records(format: ToaFormat): fc.Arbitrary<ToaRecord> {
  const { id, client, vip, vpc } = format;
  return fc.record(
    {
      format: fc.constant(id),
      ...(client && { client: endpoints(client.family, client.port !== undefined) }),
      ...(vip && { vip: endpoints(vip.family, vip.port !== undefined) }),
      ...(vpc && { vpcId: fc.nat(2 ** (8 * vpc.bytes) - 1) }),
    },
    plain,
  );
}

/** A TCP header around the options, padded with zeros to whole words. */
function headerWith(options: readonly Uint8Array[]): Uint8Array {
  const used = options.reduce((sum, option) => sum + option.length, 0);
  const words = 5 + Math.ceil(used / 4);
  const header = new Uint8Array(4 * words);
  header[12] = words << 4;
  let offset = 20;
  for (const option of options) {
    header.set(option, offset);
    offset += option.length;
  }
  return header;
}

test('what is encoded is decoded again, in each format', () => {
  const drawn = someFormat.chain((format) => fc.tuple(fc.constant(format), records(format)));
  fc.assert(
    fc.property(drawn, ([format, record]) => {
      assert.deepEqual(decodeToa(format, encodeToa(format, record)), record);
    }),
    { numRuns: 1000 },
  );
});

/** An option that no format claims: NOP, or another kind with any body. */
const foreign = fc.oneof(
  fc.constant(Uint8Array.of(1)),
  fc
    .tuple(
      fc.integer({ min: 2, max: 255 }).filter((kind) => all.kinds[kind] === 0),
      fc.uint8Array({ maxLength: 12 }),
    )
    .map(([kind, body]) => Uint8Array.of(kind, body.length + 2, ...body)),
);

test('an option anywhere among others is found', () => {
  const drawn = fc
    .tuple(
      fc.array(foreign, { maxLength: 6 }),
      someAccepted.chain((format) => fc.tuple(fc.constant(format), records(format))),
      fc.array(foreign, { maxLength: 6 }),
    )
    .filter(([before, [format], after]) => {
      return [...before, ...after].reduce((sum, option) => sum + option.length, format.length) <= 40;
    });
  fc.assert(
    fc.property(drawn, ([before, [format, record], after]) => {
      const offset = before.reduce((sum, option) => sum + option.length, 20);
      const header = headerWith([...before, encodeToa(format, record), ...after]);
      const { kind, length } = format;
      assert.deepEqual(findToa(header, all), { record, kind, length, offset, duplicates: 0 });
    }),
    { numRuns: 500 },
  );
});

/** Bytes that look like a header more often than random ones do: a sound data offset, and kinds and lengths of ours. */
const almostHeader = fc
  .tuple(
    fc.integer({ min: 4, max: 15 }),
    fc.array(
      fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 7, 8, 16, 19, 20, 28, 40, 249, 250, 252, 253, 254)),
      {
        maxLength: 48,
      },
    ),
  )
  .map(([words, options]) => {
    const header = new Uint8Array(20 + options.length);
    header[12] = words << 4;
    header.set(options, 20);
    return header;
  });
const anyBytes = fc.oneof(almostHeader, fc.uint8Array({ maxLength: 80 }));

test('arbitrary bytes never throw, and give a record or a reason', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const finding = findToa(bytes, all);
      assert.notEqual(finding.record === undefined, finding.refusal === undefined);
      assert.ok(finding.offset + finding.length <= bytes.length || finding.refusal === 'truncated-option');
    }),
    { numRuns: 5000 },
  );
});

test('bytes outside the header given do not change what is found', () => {
  const surroundings = fc.constantFrom(0, 1, 8, 254, 255);
  fc.assert(
    fc.property(anyBytes, surroundings, (bytes, filler) => {
      const around = new Uint8Array(bytes.length + 128).fill(filler);
      around.set(bytes, 64);
      assert.deepEqual(findToa(around.subarray(64, 64 + bytes.length), all), findToa(bytes, all));
    }),
    { numRuns: 2000 },
  );
});

test('bytes behind the data offset do not change what is found', () => {
  fc.assert(
    fc.property(almostHeader, (bytes) => {
      const headerLength = 4 * (bytes[12]! >> 4);
      const cut = bytes.subarray(0, Math.max(20, headerLength));
      assert.deepEqual(findToa(bytes, all), findToa(cut, all));
    }),
    { numRuns: 2000 },
  );
});

test('the search agrees with a slow one that is plainly right', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const { record, offset, duplicates } = findToa(bytes, all);
      const valid = slowSearch(bytes);
      assert.equal(offset !== 0 && record !== undefined ? offset : undefined, valid[0]?.offset);
      const [first, second] = valid;
      const completed =
        first?.record.format === 'toa-v4' &&
        second?.record.format === 'vtoa-250' &&
        second.offset === first.offset + 8;
      assert.equal(duplicates, Math.max(0, valid.length - 1 - (completed ? 1 : 0)));
      assert.deepEqual(record, completed ? { ...first.record, vip: second.record.vip } : first?.record);
    }),
    { numRuns: 5000 },
  );
});

/** Every valid option, by cutting one option after the other off the front. */
function slowSearch(bytes: Uint8Array): { record: ToaRecord; offset: number }[] {
  if (bytes.length < 20 || bytes[12]! >> 4 < 5) return [];
  const found: { record: ToaRecord; offset: number }[] = [];
  let rest = [...bytes.slice(20, 4 * (bytes[12]! >> 4))];
  const total = 20 + rest.length;
  while (rest.length > 0 && rest[0] !== 0) {
    if (rest[0] === 1) {
      rest = rest.slice(1);
      continue;
    }
    const length = rest[1] ?? 0;
    if (length < 2 || length > rest.length) break;
    for (const format of all.formats) {
      const record = decodeToa(format, Uint8Array.from(rest.slice(0, length)));
      if (record) found.push({ record, offset: total - rest.length });
    }
    rest = rest.slice(length);
  }
  return found;
}

test('arbitrary bytes for a saved SYN never throw, and the TCP header lies within them', () => {
  const firstBytes = fc.constantFrom(0x45, 0x46, 0x4f, 0x60, 0x6f, 0x00, 0x44);
  const nextHeaders = fc.constantFrom(0, 6, 43, 44, 51, 60, 17);
  const packet = fc
    .tuple(firstBytes, nextHeaders, fc.uint8Array({ minLength: 20, maxLength: 120 }))
    .map(([first, next, bytes]) => {
      bytes[0] = first;
      bytes[first >> 4 === 4 ? 9 : 6] = next;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(packet, fc.uint8Array({ maxLength: 120 })), (bytes) => {
      const syn = readSavedSyn(bytes);
      if (!syn) return;
      const start = syn.tcpHeader.byteOffset - bytes.byteOffset;
      assert.ok(start >= 20 && start + syn.tcpHeader.length <= bytes.length && syn.tcpHeader.length >= 20);
    }),
    { numRuns: 5000 },
  );
});
