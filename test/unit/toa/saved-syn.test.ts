import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptFormats, findToa, readSavedSyn, type TcpInIp } from '../../../lib/toa/index.js';
import { bytesOf } from './vectors.js';

// A SYN from port 40000 to port 443 that carries 203.0.113.7:51514.
const TCP = '9c40 01bb 00000001 00000000 7002 ffff 0000 0000 fe08 c93a cb007107';
const TCP_BYTES = bytesOf(TCP).length;

interface Ipv4 {
  readonly first?: string;
  readonly totalLength?: number;
  readonly fragment?: string;
  readonly protocol?: string;
  readonly options?: string;
}

function ipv4({
  first = '45',
  totalLength,
  fragment = '4000',
  protocol = '06',
  options = '',
}: Ipv4 = {}): Uint8Array {
  const length = totalLength ?? 20 + bytesOf(options).length + TCP_BYTES;
  return bytesOf(
    `${first}00 ${hex16(length)} 0001 ${fragment} 40 ${protocol} 0000 c0000201 c633640a ${options} ${TCP}`,
  );
}

function ipv6(nextHeader: string, extensions: string, payloadLength?: number): Uint8Array {
  const length = payloadLength ?? bytesOf(extensions).length + TCP_BYTES;
  const addresses = '20010db8000000000000000000000007 20010db8000000010000000000000443';
  return bytesOf(`60000000 ${hex16(length)} ${nextHeader} 40 ${addresses} ${extensions} ${TCP}`);
}

function hex16(value: number): string {
  return value.toString(16).padStart(4, '0');
}

function partsOf(syn: TcpInIp | undefined) {
  return syn && { source: syn.source, destination: syn.destination, tcpHeader: syn.tcpHeader };
}

test('an IPv4 SYN gives both ends and the TCP header', () => {
  const syn = readSavedSyn(ipv4());
  assert.deepEqual(partsOf(syn), {
    source: { address: '192.0.2.1', port: 40000, family: 4 },
    destination: { address: '198.51.100.10', port: 443, family: 4 },
    tcpHeader: bytesOf(TCP),
  });
  assert.deepEqual(findToa(syn!.tcpHeader, acceptFormats()).record?.client, {
    address: '203.0.113.7',
    port: 51514,
    family: 4,
  });
});

test('an IPv6 SYN gives both ends and the TCP header', () => {
  assert.deepEqual(partsOf(readSavedSyn(ipv6('06', ''))), {
    source: { address: '2001:db8::7', port: 40000, family: 6 },
    destination: { address: '2001:db8:0:1::443', port: 443, family: 6 },
    tcpHeader: bytesOf(TCP),
  });
});

const taken: [what: string, packet: Uint8Array][] = [
  ['IPv4 options', ipv4({ first: '4f', options: '01'.repeat(40) })],
  ['a window on a larger buffer', Uint8Array.of(9, 9, 9, ...ipv4()).subarray(3)],
  ['a total length that counts payload which the kernel did not save', ipv4({ totalLength: 1400 })],
  ['a first fragment', ipv4({ fragment: '2000' })],
  ['hop-by-hop options', ipv6('00', '06 00 0104 00000000')],
  ['a routing header of 24 bytes', ipv6('2b', `06 02 ${'00'.repeat(22)}`)],
  ['destination options', ipv6('3c', '06 00 0104 00000000')],
  ['an atomic fragment', ipv6('2c', '06 00 0000 00000001')],
  ['a first fragment of IPv6', ipv6('2c', '06 00 0001 00000001')],
  ['an authentication header', ipv6('33', `06 04 ${'00'.repeat(22)}`)],
  ['several extension headers', ipv6('00', '3c 00 0104 00000000 2b 00 0104 00000000 06 00 0000 00000000')],
];

for (const [what, packet] of taken) {
  test(`the TCP header is found: ${what}`, () => {
    assert.deepEqual(readSavedSyn(packet)?.tcpHeader, bytesOf(TCP));
  });
}

const refused: [what: string, packet: Uint8Array][] = [
  ['no bytes', new Uint8Array()],
  ['version 0', ipv4({ first: '05' })],
  ['version 5', ipv4({ first: '55' })],
  ['an IPv4 header of 16 bytes', ipv4({ first: '44' })],
  ['an IPv4 header that is longer than the packet', ipv4({ first: '4f' })],
  ['UDP', ipv4({ protocol: '11' })],
  ['a later fragment', ipv4({ fragment: '2001' })],
  ['a total length without room for TCP', ipv4({ totalLength: 39 })],
  ['IPv4 cut before its end', ipv4().subarray(0, 19)],
  ['IPv4 cut inside the TCP header', ipv4().subarray(0, 39)],
  ['IPv6 cut before its end', ipv6('06', '').subarray(0, 39)],
  ['IPv6 cut inside the TCP header', ipv6('06', '').subarray(0, 59)],
  ['IPv6 cut inside an extension header', ipv6('00', '06 00 0104 00000000').subarray(0, 44)],
  ['an extension header that is longer than the packet', ipv6('00', '06 ff 0104 00000000')],
  ['a payload length without room for TCP', ipv6('06', '', 19)],
  ['ICMPv6', ipv6('3a', '')],
  ['no next header', ipv6('3b', '')],
  ['ESP', ipv6('32', '06 00 0000 00000000')],
  ['a later fragment of IPv6', ipv6('2c', '06 00 0008 00000001')],
];

for (const [what, packet] of refused) {
  test(`there is no TCP header to be had: ${what}`, () => {
    assert.equal(readSavedSyn(packet), undefined);
  });
}
