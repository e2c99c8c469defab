import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainEndpoint } from '../../../lib/net/address.js';
import {
  acceptFormats,
  decodeToa,
  encodeToa,
  findToa,
  formatById,
  formats,
  isPlausibleClient,
} from '../../../lib/toa/index.js';
import { bytesOf, vectors } from './vectors.js';

for (const { format, option, record } of vectors.options) {
  test(`${format}: the golden option is read and written`, () => {
    assert.deepEqual(decodeToa(formatById(format), bytesOf(option)), record);
    assert.deepEqual(encodeToa(formatById(format), record), bytesOf(option));
  });
}

for (const { what, header, accept, found, refused } of vectors.headers) {
  test(`in a header: ${what}`, () => {
    const finding = findToa(bytesOf(header), acceptFormats(accept));
    if (found) {
      assert.deepEqual(finding, found);
    } else {
      const { reason, ...at } = refused!;
      assert.deepEqual(finding, { refusal: reason, ...at, duplicates: 0 });
    }
  });
}

for (const { what, format, option, plausible } of vectors.clients) {
  test(`${what}: ${plausible ? 'may be a client' : 'nobody’s client'}`, () => {
    const known = formatById(format);
    const { address, port } = decodeToa(known, bytesOf(option))!.client!;
    const client = plainEndpoint(address, port);
    assert.equal(isPlausibleClient(client, known.client!.port !== undefined), plausible);
  });
}

test('every format has a golden option and a header with it', () => {
  const known = formats.map((format) => format.id).sort();
  assert.deepEqual(vectors.options.map((vector) => vector.format).sort(), known);
  const found = new Set(vectors.headers.flatMap((vector) => vector.found?.record.format ?? []));
  assert.deepEqual([...found].sort(), known);
});

test('every reason of refusal has a vector', () => {
  const reasons = new Set(vectors.headers.flatMap((vector) => vector.refused?.reason ?? []));
  assert.deepEqual([...reasons].sort(), [
    'bad-data-offset',
    'bad-length',
    'none',
    'truncated-header',
    'truncated-option',
    'wrong-length',
    'wrong-version',
  ]);
});
