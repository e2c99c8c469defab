import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ARP_REPLY, ARP_REQUEST, isEthernetIpv4Arp, writeArp } from '../../../lib/net/arp.js';
import { ipv4ChecksumValid, PROTOCOL_TCP, writeIpv4 } from '../../../lib/net/ipv4.js';
import { findMacOption } from '../../../lib/net/ndp.js';
import { optionLength } from '../../../lib/net/tcp.js';
import { packet } from '../../support/packet-builder.js';
import { decodeTcp, encodeTcp } from '../../support/tcp-segment.js';
import { address, hex, readU32 } from '../../support/wire.js';

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const word = (text: string) => readU32(address(text), 0) | 0;

test('ARP frames are those of RFC 826', () => {
  const [mine, theirs] = ['02:00:00:00:00:b0', 'fe:dc:ba:98:76:54'];
  const bytes = new Uint8Array(42);
  const fields = { senderMac: mine, sender: '192.0.2.1', target: '198.51.100.250' };
  const [own, other] = [word(fields.sender), word(fields.target)];
  assert.equal(writeArp(viewOf(bytes), 0, ARP_REQUEST, 0x0200, 0xb0, own, 0, 0, other), 42);
  const asked = packet().ethernet({ from: mine, to: 'ff:ff:ff:ff:ff:ff' });
  assert.deepEqual(bytes, asked.arp({ operation: 'request', ...fields }).bytes());
  writeArp(viewOf(bytes), 0, ARP_REPLY, 0x0200, 0xb0, own, 0xfedc, 0xba987654 | 0, other);
  const answered = packet().ethernet({ from: mine, to: theirs });
  assert.deepEqual(bytes, answered.arp({ operation: 'reply', targetMac: theirs, ...fields }).bytes());
  assert.ok(isEthernetIpv4Arp(viewOf(bytes), 14));
  bytes[18] = 8;
  assert.ok(!isEthernetIpv4Arp(viewOf(bytes), 14));
});

test('an IPv4 header is written whole, and its checksum checked', () => {
  const bytes = new Uint8Array(20);
  writeIpv4(viewOf(bytes), 0, 40, 64, PROTOCOL_TCP, word('192.0.2.1'), word('203.0.113.255'));
  const wanted = packet().ip({ from: '192.0.2.1', to: '203.0.113.255', protocol: 6, length: 40 });
  assert.deepEqual(bytes, wanted.bytes());
  assert.ok(ipv4ChecksumValid(viewOf(bytes), 0, 20));
  for (let at = 0; at < 20; at++) {
    const broken = bytes.slice();
    broken[at]! ^= 0x10;
    assert.ok(!ipv4ChecksumValid(viewOf(broken), 0, 20), `byte ${at}`);
  }
});

test('walking TCP options finds what the slow way finds and never looks beyond the end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (options) => {
      const aligned = options.slice(0, options.length & ~3);
      const segment = encodeTcp(
        { from: 1, to: 2, flags: 'A', options: [aligned] },
        new Uint8Array(),
        address('192.0.2.1'),
        address('192.0.2.2'),
      );
      const guarded = new Uint8Array(segment.length + 8).fill(2);
      guarded.set(segment);
      const found: number[][] = [];
      let at = 20;
      let step = optionLength(guarded, at, segment.length);
      while (step !== 0) {
        assert.ok(at + step <= segment.length);
        if (guarded[at] !== 1) found.push([...guarded.subarray(at, at + step)]);
        at += step;
        step = optionLength(guarded, at, segment.length);
      }
      assert.deepEqual(
        found,
        decodeTcp(segment)!.options.map(({ bytes }) => [...bytes]),
      );
    }),
    { numRuns: 500 },
  );
});

test("the option with a neighbor's MAC address is found among others", () => {
  const source = hex('01 01 020000000001');
  const target = hex('02 01 020000000002');
  const long = hex('0e 02 000000000000 0000000000000000');
  const find = (bytes: Uint8Array, type: number) => findMacOption(bytes, 0, bytes.length, type);
  assert.equal(find(source, 1), 2);
  assert.equal(find(source, 2), -1);
  assert.equal(find(Uint8Array.of(...long, ...source, ...target), 2), 26);
  assert.equal(find(hex('01 00 020000000001'), 1), -1, 'a zero length ends the list');
  assert.equal(find(hex('01 02 020000000001'), 1), -1, 'a length beyond the end ends the list');
  assert.equal(find(source.slice(0, 7), 1), -1);
  assert.equal(find(new Uint8Array(), 1), -1);
});
