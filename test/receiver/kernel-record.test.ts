import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readKernelRecord } from '../../lib/receiver/kernel-record.js';
import { concat, hex, hostPort, u16 } from '../support/wire.js';

const AF_INET = 2;
const AF_INET6 = 10;

interface Fields {
  readonly size?: number;
  readonly version?: number;
  readonly kind?: number;
  readonly length?: number;
  readonly client?: Uint8Array;
  readonly vip?: Uint8Array;
  readonly peer?: Uint8Array;
}

const none = new Uint8Array(20);

function endpoint(address: string, port: number): Uint8Array {
  const { address: bytes } = hostPort(address, port);
  const family = bytes.length === 4 ? AF_INET : AF_INET6;
  return concat(hostOrder(family), u16(port), bytes, new Uint8Array(16 - bytes.length));
}

function hostOrder(value: number): Uint8Array {
  return new Uint8Array(Uint16Array.of(value).buffer);
}

/** The 72 bytes of struct toa_record. */
function record({
  size = 72,
  version = 1,
  kind = 254,
  length = 8,
  client = none,
  vip = none,
  ...rest
}: Fields) {
  const peer = rest.peer ?? endpoint('10.9.1.1', 4000);
  const head = [hostOrder(size), hostOrder(version), hostOrder(2), Uint8Array.of(kind, length)];
  return concat(...head, client, vip, peer, new Uint8Array(4));
}

const peer = { address: '10.9.1.1', port: 4000, family: 4 };

test('a record names the client, the VIP and the balancer', () => {
  const bytes = record({ client: endpoint('203.0.113.7', 51514), vip: endpoint('198.51.100.10', 443) });
  assert.equal(bytes.length, 72);
  assert.deepEqual(readKernelRecord(bytes), {
    via: 'module',
    peer,
    client: { address: '203.0.113.7', port: 51514, family: 4 },
    vip: { address: '198.51.100.10', port: 443, family: 4 },
    malformed: false,
    duplicates: 0,
  });
});

test('addresses may be IPv6, and IPv4-mapped ones are IPv4', () => {
  const client = endpoint('2001:db8::7', 51514);
  const mapped = concat(hostOrder(AF_INET6), u16(4000), new Uint8Array(10), hex('ffff 0a090101'));
  const found = readKernelRecord(record({ client, peer: mapped, length: 20 }));
  assert.deepEqual(found?.client, { address: '2001:db8::7', port: 51514, family: 6 });
  assert.deepEqual(found?.peer, peer);
});

const implausible: [what: string, fields: Fields, malformed: boolean][] = [
  ['the unspecified address', { client: endpoint('0.0.0.0', 51514) }, true],
  ['a loopback address', { client: endpoint('127.0.0.1', 51514) }, true],
  ['port 0', { client: endpoint('203.0.113.7', 0) }, true],
  ['port 0 in a format without ports', { client: endpoint('203.0.113.7', 0), kind: 28, length: 7 }, false],
];

for (const [what, fields, malformed] of implausible) {
  test(`a record with ${what} is ${malformed ? 'malformed' : 'sound'}`, () => {
    assert.equal(readKernelRecord(record(fields))?.malformed, malformed);
  });
}

const unreadable: [what: string, bytes: Uint8Array][] = [
  ['another version', record({ version: 2 })],
  ['a smaller structure', record({ size: 48 })],
  ['no peer', record({ peer: none })],
  ['too few bytes', record({}).subarray(0, 71)],
];

for (const [what, bytes] of unreadable) {
  test(`a record with ${what} is not believed`, () => assert.equal(readKernelRecord(bytes), undefined));
}

test('a record of a later kernel with more fields is read', () => {
  assert.deepEqual(readKernelRecord(record({ size: 96 }))?.peer, peer);
});

test('any bytes at all are read without an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void readKernelRecord(bytes)),
    { numRuns: 2000 },
  );
});
