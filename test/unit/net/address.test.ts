import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addressWords,
  formatAddress,
  formatEndpoint,
  parseAddress,
  parseCidr,
  parseEndpoint,
} from '../../../lib/net/address.js';

function canonical(text: string): string | undefined {
  const parsed = parseAddress(text);
  return parsed && formatAddress(parsed.bytes, 0, parsed.family);
}

const canonicalForms: [text: string, canonical: string][] = [
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['::', '::'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['2001:DB8::0:0:1', '2001:db8::1'],
  ['2001:0db8:0000:0000:0000:0000:0000:0007', '2001:db8::7'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'], // RFC 5952, 4.2.2: one group is not shortened
  ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'], // 4.2.3: the longest run
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], // 4.2.3: the first of equals
  ['1:0:0:0:0:0:0:0', '1::'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'], // 5: mapped addresses in mixed form
  ['::FFFF:c000:201', '::ffff:192.0.2.1'],
  ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ['::192.0.2.1', '::c000:201'],
];

for (const [text, expected] of canonicalForms) {
  test(`${text} is ${expected}`, () => assert.equal(canonical(text), expected));
}

const refused = [
  ...[
    '',
    ' ',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.04',
    '256.1.1.1',
    '1.2.3.4 ',
    '1..2.3',
    '0x1.2.3.4',
    '1e1.2.3.4',
    '-1.2.3.4',
  ],
  ...[
    ':',
    ':::',
    '1:',
    ':1',
    ':1::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
  ],
  ...[
    '12345::',
    'g::',
    '::1%eth0',
    'fe80::1%1',
    '[::1]',
    '1.2.3.4::',
    '1::1.2.3.4:5',
    '::1.2.3',
    '::01.2.3.4',
    '1:2:3:4:5:6:7:1.2.3.4',
  ],
];

for (const text of refused) {
  test(`${JSON.stringify(text)} is no address`, () => assert.equal(parseAddress(text), undefined));
}

const anyAddress = fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), sparse16());

/** Sixteen bytes with runs of zeros, as real addresses have. */
function sparse16(): fc.Arbitrary<Uint8Array> {
  const group = fc.oneof(fc.constant(0), fc.nat(0xffff));
  return fc
    .array(group, { minLength: 8, maxLength: 8 })
    .map((groups) => Uint8Array.from(groups.flatMap((value) => [value >> 8, value & 0xff])));
}

test('what is formatted is parsed to the same bytes, and Node takes it too', () => {
  fc.assert(
    fc.property(anyAddress, (bytes) => {
      const family = bytes.length === 4 ? 4 : 6;
      const text = formatAddress(bytes, 0, family);
      assert.deepEqual(parseAddress(text), { family, bytes });
      assert.equal(isIP(text), family);
    }),
    { numRuns: 2000 },
  );
});

test('any text is an address to us exactly when it is one to Node, zones aside', () => {
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom('0', '1', 'f', ':', '::', '.', '255', '2001'), maxLength: 12 }),
    fc.ipV4(),
    fc.ipV6(),
    fc.string(),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      if (!candidate.includes('%')) assert.equal(parseAddress(candidate)?.family ?? 0, isIP(candidate));
    }),
    { numRuns: 5000 },
  );
});

test('an address is formatted from any place in a buffer', () => {
  assert.equal(formatAddress(Uint8Array.of(9, 9, 192, 0, 2, 1, 9), 2, 4), '192.0.2.1');
  const bytes = new Uint8Array(20);
  bytes[18] = 1;
  assert.equal(formatAddress(bytes, 3, 6), '::1');
});

test('an endpoint is written with brackets around IPv6, and read again', () => {
  assert.equal(formatEndpoint('203.0.113.7', 51514), '203.0.113.7:51514');
  assert.equal(formatEndpoint('2001:db8::7', 51514), '[2001:db8::7]:51514');
  assert.deepEqual(parseEndpoint('203.0.113.7:51514'), { address: '203.0.113.7', port: 51514, family: 4 });
  assert.deepEqual(parseEndpoint('[2001:DB8:0::7]:0'), { address: '2001:db8::7', port: 0, family: 6 });
});

const noEndpoints = [
  '',
  '1.2.3.4',
  '1.2.3.4:',
  '1.2.3.4:65536',
  '1.2.3.4:080',
  '1.2.3.4:-1',
  '1.2.3.4:8 ',
  '::1:80',
  '[1.2.3.4]:80',
];
for (const text of [...noEndpoints, '[::1]', '[::1]80', '[::1', 'localhost:80', '[fe80::1%1]:80']) {
  test(`${JSON.stringify(text)} is no endpoint`, () => assert.equal(parseEndpoint(text), undefined));
}

test('a block of addresses is masked, and says whether that was needed', () => {
  const tens = { family: 4, bytes: Uint8Array.of(10, 0, 0, 0), prefix: 9 };
  assert.deepEqual(parseCidr('10.0.0.0/9'), { ...tens, hostBits: false });
  assert.deepEqual(parseCidr('10.1.2.3/9'), { ...tens, hostBits: true });
  assert.deepEqual(parseCidr('10.255.255.255/9')?.bytes, Uint8Array.of(10, 128, 0, 0));
  assert.deepEqual(parseCidr('255.255.255.255/0'), {
    family: 4,
    bytes: new Uint8Array(4),
    prefix: 0,
    hostBits: true,
  });
  assert.equal(parseCidr('2001:db8::/32')?.prefix, 32);
  assert.equal(parseCidr('2001:db8:8000::/33')?.hostBits, false);
});

test('a bare address is a block of one', () => {
  assert.deepEqual(parseCidr('192.0.2.1'), {
    family: 4,
    bytes: Uint8Array.of(192, 0, 2, 1),
    prefix: 32,
    hostBits: false,
  });
  assert.equal(parseCidr('::1')?.prefix, 128);
});

for (const text of [
  '',
  '/',
  '10.0.0.0/',
  '10.0.0.0/33',
  '::/129',
  '10.0.0.0/08',
  '10.0.0.0/8/8',
  '10.0.0.0/+8',
  '10.0/8',
  '::/-1',
]) {
  test(`${JSON.stringify(text)} is no block of addresses`, () => assert.equal(parseCidr(text), undefined));
}

test('both families are four words', () => {
  assert.deepEqual(addressWords(Uint8Array.of(192, 0, 2, 1), 4), Int32Array.of(0, 0, 0xffff, 0xc0000201 | 0));
  const mapped = parseAddress('::ffff:192.0.2.1')!;
  assert.deepEqual(addressWords(mapped.bytes, 6), addressWords(Uint8Array.of(192, 0, 2, 1), 4));
  const inside = Uint8Array.of(9, ...parseAddress('2001:db8::7')!.bytes);
  assert.deepEqual(addressWords(inside, 6, 1), Int32Array.of(0x20010db8, 0, 0, 7));
});
