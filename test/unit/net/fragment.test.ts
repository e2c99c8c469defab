import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type CutPacket,
  fragmentCount,
  fragmentPayload,
  repeatedHeaders,
  writeFragment,
} from '../../../lib/net/fragment.js';
import { type Datagram, fragmentsOf, wholeOf } from '../../model/fragmentation.js';
import { pattern } from '../../support/packet-builder.js';
import { concat, hex } from '../../support/wire.js';

/** Cuts a packet, which starts at an odd place in its buffer, by our code. */
function cut(bytes: Uint8Array, family: 4 | 6, size: number, id: number): Uint8Array[] {
  const l3 = 3;
  const view = new DataView(concat(new Uint8Array(l3), bytes).buffer);
  const headers = repeatedHeaders(view, l3, family);
  const payload = fragmentPayload(headers, family, size);
  const packet: CutPacket = { view, family, l3, length: bytes.length, headers, payload, id };
  return Array.from({ length: fragmentCount(packet) }, (_, index) => {
    const out = new Uint8Array(size + 16).fill(0xee);
    const length = writeFragment(packet, index, out, new DataView(out.buffer), 5);
    assert.ok(length <= size);
    assert.ok(
      out.every((byte, at) => byte === 0xee || (at >= 5 && at < 5 + length)),
      'wrote outside',
    );
    return out.slice(5, 5 + length);
  });
}

/** Record Route (7) goes into the first fragment only, Router Alert (148) into all (RFC 791 3.1, RFC 2113). */
const ROUTE_AND_ALERT = {
  options: hex('0707040000000094040000 00'),
  laterOptions: hex('0101010101010194040000 00'),
};
const AFTER_END = { options: hex('94040000 00070304'), laterOptions: hex('94040000 00070304') };

const ipv4 = fc.record({
  from: fc.constant('203.0.113.7'),
  to: fc.constant('198.51.100.10'),
  id: fc.nat(0xffff),
  trafficClass: fc.nat(255),
  ttl: fc.nat(255),
  dontFragment: fc.boolean(),
  protocol: fc.nat(255),
});
const ipv6 = fc.record({
  from: fc.constant('2001:db8::7'),
  to: fc.constant('2001:db8:100::10'),
  id: fc.nat(0xffff_ffff),
  trafficClass: fc.nat(255),
  ttl: fc.nat(255),
  protocol: fc.constantFrom(6, 17, 58),
});

test('fragments are those that one would build by hand, whatever the size', () => {
  const datagrams = fc.oneof(
    fc
      .tuple(ipv4, fc.constantFrom({}, ROUTE_AND_ALERT, AFTER_END))
      .map(([ip, options]): Omit<Datagram, 'body'> => ({ ...ip, ...options })),
    fc
      .tuple(ipv6, fc.constantFrom([], [0], [60], [0, 60], [0, 43], [60, 43]))
      .map(([ip, extensions]): Omit<Datagram, 'body'> => ({ ...ip, extensions })),
  );
  fc.assert(
    fc.property(
      datagrams,
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 100, max: 1500 }),
      (ip, length, size) => {
        const datagram = { ...ip, body: pattern(length) };
        const family = ip.from.includes(':') ? 6 : 4;
        const [first] = fragmentsOf({ ...datagram, body: new Uint8Array(1) }, 8);
        const overhead = first!.bytes().length - 1;
        const payload = Math.floor((size - overhead) / 8) * 8;
        const model = fragmentsOf(datagram, payload).map((fragment) => fragment.bytes());
        assert.deepEqual(cut(wholeOf(datagram).bytes(), family, size, ip.id), model);
      },
    ),
  );
});

test('destination options behind a routing header are cut with the payload: they are for the last station', () => {
  const datagram: Datagram = {
    from: '2001:db8::7',
    to: '2001:db8:100::10',
    id: 7,
    body: new Uint8Array(),
    extensions: [60, 43, 60],
  };
  const bytes = wholeOf(datagram).bytes();
  assert.equal(repeatedHeaders(new DataView(bytes.buffer), 0, 6), 40 + 8 + 8);
});

test('where not even eight bytes fit behind the headers the packet cannot be cut', () => {
  assert.ok(fragmentPayload(60, 4, 67) < 8);
  assert.equal(fragmentPayload(60, 4, 68), 8);
  assert.ok(fragmentPayload(40, 6, 55) < 8);
  assert.equal(fragmentPayload(40, 6, 56), 8);
});
