import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { plainEndpoint } from '../../lib/net/address.js';
import {
  acceptFormats,
  type FormatId,
  findToa,
  formatById,
  formats,
  isPlausibleClient,
  type ToaFinding,
} from '../../lib/toa/index.js';
import { bytesOf, vectors } from '../unit/toa/vectors.js';
import { buildProgram, findInC, type Search } from './c-parser.js';

const { program, folder } = buildProgram('find');
after(() => rmSync(folder, { recursive: true }));

test('the module reads every golden header as written', () => {
  const searches = vectors.headers.map(({ accept, header }) => ({ accept, header: bytesOf(header) }));
  const findings = findInC(program, searches).map(({ finding }) => finding);
  for (const [index, { what, found, refused }] of vectors.headers.entries()) {
    if (found) {
      assert.deepEqual(findings[index], found, what);
    } else {
      const { reason, ...at } = refused!;
      assert.deepEqual(findings[index], { refusal: reason, ...at, duplicates: 0 }, what);
    }
  }
});

test('the module reads every golden option as written', () => {
  const records = findInC(program, vectors.options.map(searchFor)).map(({ finding }) => finding.record);
  assert.deepEqual(
    records,
    vectors.options.map(({ record }) => record),
  );
});

test('the module holds every golden client for possible, or not, as written', () => {
  const said = findInC(program, vectors.clients.map(searchFor));
  for (const [index, { what, plausible }] of vectors.clients.entries()) {
    assert.equal(said[index]!.plausible, plausible, what);
  }
});

const all = acceptFormats('all').formats.map((format) => format.id);
const someFormats: fc.Arbitrary<FormatId[]> = fc.subarray(all, { minLength: 1 });
const anyByte = fc.nat(255);
/** Also in long rows of what loopback, unspecified and mapped addresses are made of. */
const someBytes = fc.oneof(
  fc.array(anyByte, { maxLength: 24 }),
  fc.array(fc.constantFrom(0, 1, 127, 255), { minLength: 2, maxLength: 24 }),
  // a port, zeros, and something behind them: ::, ::1 and the like
  fc
    .tuple(fc.nat(18), fc.constantFrom(0, 1, 2, 255))
    .map(([at, byte]) => Array.from({ length: 24 }, (_, i) => (i < 2 ? 1 : i < at ? 0 : byte))),
);

/** Options that are nearly right: the kinds and lengths of formats, sometimes others, in front of bytes too many or too few. */
const someOption = fc
  .tuple(
    fc.oneof(fc.constantFrom(...formats.map(({ kind }) => kind)), fc.constantFrom(0, 1, 2, 8), anyByte),
    fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...formats.map(({ length }) => length)) }, anyByte),
    someBytes,
    fc.boolean(),
  )
  .map(([kind, length, value, exact]) => {
    const bytes = exact && length >= 2 ? Array.from({ length: length - 2 }, (_, i) => value[i] ?? 1) : value;
    return [kind, length, ...bytes];
  });

const someHeader = fc
  .tuple(fc.array(someOption, { maxLength: 5 }), fc.nat(15), fc.nat(80), fc.boolean())
  .map(([options, dataOffset, cut, sound]) => {
    const bytes = options.flat().slice(0, 40);
    const header = headerWith(Uint8Array.from(bytes));
    if (sound) return header;
    header[12] = dataOffset << 4;
    return header.slice(0, cut);
  });

test('the module and the library find the same in any header', () => {
  const someSearch: fc.Arbitrary<Search> = fc.record({ accept: someFormats, header: someHeader });
  fc.assert(
    fc.property(fc.array(someSearch, { minLength: 500, maxLength: 500 }), (searches) => {
      const inTypeScript = searches.map(({ accept, header }) => {
        const finding = findToa(header, acceptFormats(accept));
        return { finding, plausible: isPlausible(finding) };
      });
      assert.deepEqual(findInC(program, searches), inTypeScript);
    }),
    { numRuns: 20 },
  );
});

/** As the receiver in TypeScript judges; an option without a client has none that could not be. */
function isPlausible({ record }: ToaFinding): boolean {
  if (!record?.client) return record !== undefined;
  const { address, port } = record.client;
  return isPlausibleClient(
    plainEndpoint(address, port),
    formatById(record.format).client!.port !== undefined,
  );
}

function searchFor({ format, option }: { format: FormatId; option: string }): Search {
  return { accept: [format], header: headerWith(bytesOf(option)) };
}

/** A TCP header with these options, and as many bytes of no operation as it takes. */
function headerWith(options: Uint8Array): Uint8Array {
  const length = 20 + Math.ceil(options.length / 4) * 4;
  const header = new Uint8Array(length).fill(1, 20);
  header[12] = (length / 4) << 4;
  header.set(options, 20);
  return header;
}
