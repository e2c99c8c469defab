import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeToa,
  type Endpoint,
  encodeToa,
  type FormatId,
  formatById,
  type ToaRecord,
} from '../../../lib/toa/index.js';

const v4: Endpoint = { address: '192.0.2.1', port: 40000, family: 4 };
const v6: Endpoint = { address: '2001:db8::7', port: 40000, family: 6 };

const refused: [what: string, format: FormatId, record: Omit<ToaRecord, 'format'>, message: string][] = [
  ['no client', 'toa-v4', {}, 'toa-v4: client.address is undefined, wanted an IPv4 address'],
  [
    'a client of the other family',
    'toa-v4',
    { client: v6 },
    'toa-v4: client.address is 2001:db8::7, wanted an IPv4 address',
  ],
  [
    'an IPv4 client for IPv6',
    'toa-v6',
    { client: v4 },
    'toa-v6: client.address is 192.0.2.1, wanted an IPv6 address',
  ],
  ['no VIP', 'vtoa-252', { client: v4 }, 'vtoa-252: vip.address is undefined, wanted an IPv4 address'],
  [
    'a name for an address',
    'toa-v4',
    { client: { ...v4, address: 'localhost' } },
    'toa-v4: client.address is localhost, wanted an IPv4 address',
  ],
  [
    'a port above the range',
    'toa-v4',
    { client: { ...v4, port: 65536 } },
    'toa-v4: client.port is 65536, wanted an integer from 0 to 65535',
  ],
  [
    'a negative port',
    'toa-v4',
    { client: { ...v4, port: -1 } },
    'toa-v4: client.port is -1, wanted an integer from 0 to 65535',
  ],
  [
    'half a port',
    'toa-v4',
    { client: { ...v4, port: 0.5 } },
    'toa-v4: client.port is 0.5, wanted an integer from 0 to 65535',
  ],
  [
    'a VPC beyond 24 bits',
    'vtoa-249',
    { client: v6, vip: v6, vpcId: 2 ** 24 },
    'vtoa-249: vpcId is 16777216, wanted an integer from 0 to 16777215',
  ],
];

for (const [what, format, record, message] of refused) {
  test(`${what} is not encoded`, () => {
    assert.throws(() => encodeToa(formatById(format), record), { code: 'ERR_TOA_ENCODE', message });
  });
}

test('what a format has no room for is left out', () => {
  const full = { client: v4, vip: { ...v4, address: '198.51.100.10' }, vpcId: 7 };
  assert.deepEqual(encodeToa(formatById('toa-v4'), full), encodeToa(formatById('toa-v4'), { client: v4 }));
});

test('the VPC is 0 where none is given', () => {
  const option = encodeToa(formatById('vtoa-252'), { client: v4, vip: v4 });
  assert.equal(decodeToa(formatById('vtoa-252'), option)?.vpcId, 0);
});

test('an option of another kind, length or version, or cut short, is not decoded', () => {
  const format = formatById('cdn-28-v4');
  const option = encodeToa(format, { client: v4 });
  assert.ok(decodeToa(format, option));
  for (const at of [0, 1, 2]) assert.equal(decodeToa(format, option.with(at, 99)), undefined);
  assert.equal(decodeToa(format, option.subarray(0, 6)), undefined);
  for (const offset of [1, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.equal(decodeToa(format, option, offset), undefined);
  }
});
