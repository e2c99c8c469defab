import assert from 'node:assert/strict';
import net, { BlockList } from 'node:net';
import { test } from 'node:test';
import { attach, ToaError } from '../../lib/index.js';
import { plainEndpoint } from '../../lib/net/address.js';
import { compileTrust, type Trust } from '../../lib/receiver/trust.js';

const list = new BlockList();
list.addSubnet('192.0.2.0', 24, 'ipv4');
list.addSubnet('2001:db8::', 32, 'ipv6');

const rows: { what: string; trust: Trust; yes: string[]; no: string[] }[] = [
  { what: 'true', trust: true, yes: ['203.0.113.7', '2001:db8::7', '127.0.0.1'], no: [] },
  {
    what: 'a CIDR block',
    trust: '10.0.0.0/8',
    yes: ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3'],
    no: ['11.0.0.0', '9.255.255.255', '::ffff:11.1.2.3', '2001:db8::7'],
  },
  { what: 'a single address', trust: '10.0.0.1', yes: ['10.0.0.1'], no: ['10.0.0.2'] },
  { what: 'an IPv6 block', trust: '2001:db8::/32', yes: ['2001:db8::7'], no: ['2001:db9::7', '10.0.0.1'] },
  {
    what: 'several, in a list or between commas',
    trust: ['10.0.0.0/8', '192.0.2.1, 2001:db8::/32'],
    yes: ['10.1.2.3', '192.0.2.1', '2001:db8::7'],
    no: ['192.0.2.2', '::1'],
  },
  {
    what: 'private',
    trust: 'private',
    yes: [
      ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '100.127.255.255'],
      ...['127.0.0.1', '169.254.1.1', '::1', 'fc00::1', 'fdff::1', 'fe80::1', '::ffff:10.0.0.1'],
    ],
    no: ['172.32.0.1', '100.128.0.1', '192.169.0.1', '203.0.113.7', '2001:db8::7', 'fec0::1', '::'],
  },
  {
    what: 'private among others',
    trust: ['private', '203.0.113.7'],
    yes: ['10.0.0.1', '203.0.113.7'],
    no: ['203.0.113.8'],
  },
  {
    what: 'a BlockList',
    trust: list,
    yes: ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::7'],
    no: ['192.0.3.1', '::1'],
  },
  {
    what: 'a function',
    trust: ({ address, port, family }) => address === '192.0.2.1' && port === 4711 && family === 4,
    yes: ['192.0.2.1', '::ffff:192.0.2.1'],
    no: ['192.0.2.2'],
  },
];

for (const { what, trust, yes, no } of rows) {
  test(`trust: ${what}`, () => {
    const check = compileTrust(trust);
    for (const address of yes) assert.equal(check(plainEndpoint(address, 4711)), true, address);
    for (const address of no) assert.equal(check(plainEndpoint(address, 4711)), false, address);
    // What is remembered is the same.
    for (const address of yes) assert.equal(check(plainEndpoint(address, 4711)), true, address);
  });
}

test('more peers than are remembered are judged right', () => {
  const check = compileTrust('10.0.0.0/16');
  for (let i = 0; i < 5000; i++) {
    const peer = plainEndpoint(`10.${i % 2}.${(i >> 8) & 255}.${i & 255}`, 1);
    assert.equal(check(peer), i % 2 === 0);
  }
});

test('a function that answers with a promise trusts nobody', () => {
  const check = compileTrust((async () => true) as unknown as Trust);
  assert.equal(check(plainEndpoint('10.0.0.1', 1)), false);
});

test('a function that throws trusts nobody, and warns once', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on('warning', onWarning);
  const check = compileTrust(() => {
    throw new Error('no idea');
  });
  assert.equal(check(plainEndpoint('10.0.0.1', 1)), false);
  assert.equal(check(plainEndpoint('10.0.0.1', 1)), false);
  await new Promise(setImmediate);
  process.off('warning', onWarning);
  assert.deepEqual(
    warnings.map(({ message }) => /no idea/.test(message)),
    [true],
  );
});

const refused: [what: string, trust: unknown, code: string][] = [
  ['nothing', undefined, 'ERR_TOA_TRUST_REQUIRED'],
  ['null', null, 'ERR_TOA_TRUST_REQUIRED'],
  ['empty text', '', 'ERR_TOA_TRUST_REQUIRED'],
  ['an empty list', [], 'ERR_TOA_TRUST'],
  ['false', false, 'ERR_TOA_TRUST'],
  ['a number', 10, 'ERR_TOA_TRUST'],
  ['a list with a number', [10], 'ERR_TOA_TRUST'],
  ['a name', 'balancer.test', 'ERR_TOA_TRUST'],
  ['an endless prefix', '10.0.0.0/33', 'ERR_TOA_TRUST'],
  ['bits behind the prefix, which may be a slip', '10.0.0.1/8', 'ERR_TOA_TRUST'],
  ['a trailing comma', '10.0.0.0/8,', 'ERR_TOA_TRUST'],
];

for (const [what, trust, code] of refused) {
  test(`attach refuses as trust: ${what}`, () => {
    const options = { trust } as Parameters<typeof attach>[1];
    assert.throws(
      () => attach(net.createServer(), options),
      (error) => error instanceof ToaError && error.code === code,
    );
  });
}

test('attach without options asks for trust', () => {
  const careless = attach as (server: net.Server) => unknown;
  assert.throws(() => careless(net.createServer()), { code: 'ERR_TOA_TRUST_REQUIRED' });
});

test('attach refuses unknown formats', () => {
  const formats = ['toa-v5'] as unknown as ['toa-v4'];
  assert.throws(() => attach(net.createServer(), { trust: true, formats }), { code: 'ERR_TOA_FORMAT' });
});
