import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ToaError } from '../../../lib/errors.js';
import { acceptFormats, type FormatName, formatById, formats } from '../../../lib/toa/index.js';

const idsOf = (...names: FormatName[]) => acceptFormats(names).formats.map((format) => format.id);

function refusal(code: string, ...words: string[]) {
  return (error: unknown) => {
    assert.ok(error instanceof ToaError);
    assert.equal(error.code, code);
    for (const word of words)
      assert.ok(error.message.includes(word), `"${word}" is missing in: ${error.message}`);
    return true;
  };
}

test('the fields of a format lie within it, behind kind and length, and do not overlap', () => {
  for (const format of formats) {
    const used = new Array<string>(format.length).fill('');
    const claim = (what: string, offset: number, length: number) => {
      for (let at = offset; at < offset + length; at++) {
        assert.equal(used[at], '', `${format.id}: byte ${at} is ${used[at]} and ${what}`);
        used[at] = what;
      }
    };
    claim('kind and length', 0, 2);
    if (format.version) claim('version', format.version.offset, 1);
    if (format.vpc) claim('vpc', format.vpc.offset, format.vpc.bytes);
    for (const field of [format.client, format.vip]) {
      if (!field) continue;
      claim('address', field.address, field.family === 4 ? 4 : 16);
      if (field.port !== undefined) claim('port', field.port, 2);
    }
    assert.ok(format.length <= 40, `${format.id} fits into a header`);
    assert.ok(format.client || format.vip, `${format.id} carries an endpoint`);
  }
});

test('by default 254 is accepted with 8 and with 20 bytes', () => {
  assert.deepEqual(
    acceptFormats().formats.map((format) => format.id),
    ['toa-v4', 'toa-v6'],
  );
  assert.deepEqual(acceptFormats('default').formats, acceptFormats().formats);
});

test('all formats are all but the one that collides', () => {
  const all = acceptFormats('all').formats;
  assert.deepEqual(
    formats.filter((format) => !all.includes(format)).map((format) => format.id),
    ['vip-253-v4', 'vip-253-v6'],
  );
  assert.equal(new Set(all.map(({ kind, length }) => `${kind}/${length}`)).size, all.length);
});

test('formats are named one by one, or as a group', () => {
  assert.deepEqual(idsOf('toa-v4-200', 'toa-v4'), ['toa-v4-200', 'toa-v4']);
  assert.deepEqual(idsOf('vip-253'), ['vip-253-v4', 'vip-253-v6']);
  assert.deepEqual(idsOf('cdn-28', 'cdn-28-v4'), ['cdn-28-v4', 'cdn-28-v6']);
  assert.deepEqual(idsOf('toa-v4', 'toa-v4'), ['toa-v4']);
  assert.deepEqual(
    acceptFormats(new Set<FormatName>(['vtoa-249'])).formats.map((format) => format.id),
    ['vtoa-249'],
  );
});

test('a set knows its kinds and finds a format by kind and length', () => {
  const set = acceptFormats(['toa-v4', 'vtoa-252']);
  assert.deepEqual(
    [...set.kinds.entries()].flatMap(([kind, flag]) => (flag === 0 ? [] : [kind])),
    [252, 254],
  );
  assert.equal(set.match(254, 8), formatById('toa-v4'));
  assert.equal(set.match(252, 20), formatById('vtoa-252'));
  assert.equal(set.match(252, 8), undefined);
  assert.equal(set.match(8, 254), undefined);
});

test('formats that the wire does not tell apart are refused together', () => {
  const collision = refusal('ERR_TOA_FORMAT', 'toa-v4-253', 'vip-253-v4', 'kind 253 and length 8');
  assert.throws(() => acceptFormats(['toa-v4-253', 'vip-253-v4']), collision);
  assert.throws(() => acceptFormats(['vip-253', 'toa-v4', 'toa-v4-253']), collision);
  assert.throws(
    () => acceptFormats(['toa-v6-253', 'vip-253-v6']),
    refusal('ERR_TOA_FORMAT', 'kind 253 and length 20'),
  );
  assert.deepEqual(idsOf('toa-v6-253', 'vip-253-v4'), ['toa-v6-253', 'vip-253-v4']);
});

test('unknown names are refused and the known ones listed', () => {
  const names: string[] = ['toa-v4', 'toa-v5'];
  assert.throws(
    () => acceptFormats(names as FormatName[]),
    refusal('ERR_TOA_FORMAT', '"toa-v5"', 'toa-v4', 'cdn-28'),
  );
  assert.throws(
    () => acceptFormats(['constructor' as FormatName]),
    refusal('ERR_TOA_FORMAT', '"constructor"'),
  );
});

test('an empty list and a single name in place of a list are refused', () => {
  assert.throws(() => acceptFormats([]), refusal('ERR_TOA_FORMAT', 'empty'));
  assert.throws(
    () => acceptFormats('toa-v4' as 'all'),
    refusal('ERR_TOA_FORMAT', '"toa-v4"', "'default', 'all' or a list"),
  );
});
