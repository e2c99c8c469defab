import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LinkType, Segment } from '../../../lib/capture/index.js';
import { packet } from '../../support/packet-builder.js';
import { concat, hex } from '../../support/wire.js';

const tcp = { from: 5000, to: 80, flags: 'S', seq: 7 };
const ipv4 = packet().ip({ from: '10.0.0.1', to: '10.0.0.2' }).tcp(tcp).payload('12345').bytes();
const ipv6 = packet().ip({ from: 'fd00::1', to: 'fd00::2' }).tcp(tcp).payload('12345').bytes();
const MACS = hex('020000000001 020000000002');

/** What stands before the IP header, by link type. */
const links: readonly { what: string; linkType: number; v4: Uint8Array; v6: Uint8Array }[] = [
  {
    what: 'Ethernet',
    linkType: LinkType.ethernet,
    v4: concat(MACS, hex('0800')),
    v6: concat(MACS, hex('86dd')),
  },
  {
    what: 'Ethernet with a VLAN tag',
    linkType: LinkType.ethernet,
    v4: concat(MACS, hex('8100 000a 0800')),
    v6: concat(MACS, hex('8100 000a 86dd')),
  },
  {
    what: 'Ethernet with two VLAN tags',
    linkType: LinkType.ethernet,
    v4: concat(MACS, hex('88a8 0014 8100 000a 0800')),
    v6: concat(MACS, hex('88a8 0014 8100 000a 86dd')),
  },
  { what: 'raw IP', linkType: LinkType.raw, v4: hex(''), v6: hex('') },
  { what: 'raw IPv4 or IPv6', linkType: LinkType.ipv4, v4: hex(''), v6: hex('') },
  {
    what: 'Linux cooked',
    linkType: LinkType.linuxCooked,
    v4: hex('0000 0001 0006 020000000001 0000 0800'),
    v6: hex('0000 0001 0006 020000000001 0000 86dd'),
  },
  {
    what: 'Linux cooked v2',
    linkType: LinkType.linuxCooked2,
    v4: hex('0800 0000 00000002 0001 00 06 020000000001 0000'),
    v6: hex('86dd 0000 00000002 0001 00 06 020000000001 0000'),
  },
  { what: 'null, little-endian', linkType: LinkType.null, v4: hex('02000000'), v6: hex('1e000000') },
  { what: 'loop, big-endian', linkType: LinkType.loop, v4: hex('00000002'), v6: hex('00000018') },
];

for (const { what, linkType, v4, v6 } of links) {
  test(`a segment is found behind ${what}`, () => {
    for (const [family, bytes] of [
      [4, concat(hex('aabb'), v4, ipv4)],
      [6, concat(hex('aabb'), v6, ipv6)],
    ] as const) {
      const segment = new Segment();
      assert.equal(segment.locate(bytes, 2, bytes.length, linkType), undefined);
      assert.equal(segment.family, family);
      assert.equal(segment.sourcePort, 5000);
      assert.equal(segment.destinationPort, 80);
      assert.equal(segment.sequence, 7);
      assert.equal(segment.headerLength, 20);
      assert.equal(segment.dataLength, 5);
    }
  });
}

test('a segment is found behind IPv6 extension headers', () => {
  const plain = packet().ipv6({ from: 'fd00::1', to: 'fd00::2' });
  for (const layers of [
    plain.extension(0),
    plain.extension(0).extension(60).extension(43, hex('00 00 00000000')),
    plain.extension(60, new Uint8Array(30)),
    plain.extension(51, hex('04 0000 00000001 00000001 0000000000000000000000')), // 24 bytes: see below
  ]) {
    const bytes = layers.tcp(tcp).bytes();
    if (bytes[6] === 51) bytes[41] = 4; // authentication counts words of four bytes, less two
    const segment = new Segment();
    assert.equal(segment.locate(bytes, 0, bytes.length, LinkType.raw), undefined);
    assert.equal(segment.destinationPort, 80);
  }
});

const builder = packet().ip({ from: '10.0.0.1', to: '10.0.0.2' });
const builder6 = packet().ip({ from: 'fd00::1', to: 'fd00::2' });
for (const { what, bytes, reason, linkType = LinkType.raw } of [
  { what: 'UDP', bytes: builder.udp({ from: 1, to: 2 }).bytes(), reason: 'not-tcp' },
  { what: 'UDP over IPv6', bytes: builder6.udp({ from: 1, to: 2 }).bytes(), reason: 'not-tcp' },
  {
    what: 'ARP',
    bytes: concat(MACS, hex('0806'), new Uint8Array(28)),
    reason: 'not-ip',
    linkType: LinkType.ethernet,
  },
  { what: 'another version of IP', bytes: hex('55000000'), reason: 'not-ip' },
  { what: 'a link type that is not known', bytes: ipv4, reason: 'not-ip', linkType: 147 },
  {
    what: 'a first fragment',
    bytes: packet().ipv4({ from: '10.0.0.1', to: '10.0.0.2', moreFragments: true }).tcp(tcp).bytes(),
    reason: 'fragment',
  },
  {
    what: 'a fragment of IPv6',
    bytes: builder6.fragment({ offset: 0, more: true }).tcp(tcp).bytes(),
    reason: 'fragment',
  },
  {
    what: 'an IP header of 16 bytes',
    bytes: packet().ipv4({ from: '10.0.0.1', to: '10.0.0.2', headerWords: 4 }).tcp(tcp).bytes(),
    reason: 'malformed',
  },
  {
    what: 'a TCP header of 16 bytes',
    bytes: builder.tcp({ ...tcp, dataOffset: 4 }).bytes(),
    reason: 'malformed',
  },
  {
    what: 'a TCP header beyond the packet',
    bytes: builder.tcp({ ...tcp, dataOffset: 6 }).bytes(),
    reason: 'malformed',
  },
  {
    what: 'a packet too short for TCP',
    bytes: packet().ipv4({ from: '10.0.0.1', to: '10.0.0.2', length: 30 }).tcp(tcp).bytes(),
    reason: 'malformed',
  },
  { what: 'a capture of 30 bytes', bytes: ipv4.subarray(0, 30), reason: 'cut-short' },
  { what: 'a capture of 10 bytes', bytes: ipv4.subarray(0, 10), reason: 'cut-short' },
  { what: 'nothing', bytes: hex(''), reason: 'cut-short' },
] as const) {
  test(`${what} is skipped: ${reason}`, () => {
    assert.equal(new Segment().locate(bytes, 0, bytes.length, linkType), reason);
  });
}

test('a length of 0, which segmentation offload leaves, means the end of the capture', () => {
  for (const bytes of [ipv4.slice(), ipv6.slice()]) {
    bytes.fill(0, bytes[0] === 0x45 ? 2 : 4, bytes[0] === 0x45 ? 4 : 6);
    const segment = new Segment();
    assert.equal(segment.locate(bytes, 0, bytes.length, LinkType.raw), undefined);
    assert.equal(segment.dataLength, 5);
  }
});

test('whatever the bytes are, no window leaves them', () => {
  const linkType = fc.constantFrom(...Object.values(LinkType));
  fc.assert(
    fc.property(linkType, fc.uint8Array({ maxLength: 120 }), fc.nat(20), (type, bytes, start) => {
      const segment = new Segment();
      const end = Math.max(bytes.length, start);
      if (segment.locate(bytes, Math.min(start, bytes.length), bytes.length, type) !== undefined) return;
      assert.ok(segment.tcp + segment.captured <= end);
      assert.ok(segment.captured >= 20 && segment.header.length === segment.captured);
      assert.ok(segment.dataLength >= 0);
    }),
  );
});
