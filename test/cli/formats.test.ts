import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formats } from '../../lib/toa/index.js';
import { readOneJson } from './json.js';
import { toa } from './toa.js';

test('toa formats prints one row per format', () => {
  const { status, stdout, stderr } = toa(['formats']);
  assert.equal(status, 0);
  assert.equal(stderr, '');
  const [heading = '', ...rows] = stdout.trimEnd().split('\n');
  assert.match(heading, /^FORMAT +KIND +LENGTH +CARRIES +DEFAULT +USED BY$/);
  assert.equal(rows.length, formats.length);
  assert.match(rows[0] ?? '', /^toa-v4 +254 +8 +client +yes +Alibaba LVS/);
  assert.ok(rows.some((row) => /^cdn-28-v4 +28 +7 +client \(no port\) +no/.test(row)));
  assert.ok(rows.some((row) => /^vtoa-252 +252 +20 +client \+ VIP +no/.test(row)));
});

test('toa formats --json prints the registry', () => {
  const { status, stdout } = toa(['formats', '--json']);
  assert.equal(status, 0);
  assert.deepEqual(readOneJson('formats', stdout).formats, JSON.parse(JSON.stringify(formats)));
});
