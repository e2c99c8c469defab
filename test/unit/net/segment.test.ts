import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type TcpPacket, writeSegment } from '../../../lib/net/segment.js';
import { type LargePacket, segmentsOf } from '../../model/segmentation.js';
import { packet, pattern } from '../../support/packet-builder.js';
import { decodeIp } from '../../support/packet-decoder.js';
import { decodeTcp, tcpOption } from '../../support/tcp-segment.js';
import { concat, hex } from '../../support/wire.js';

/** Cuts a packet, which starts at an odd place in its buffer, by our code. */
function cut(bytes: Uint8Array, family: 4 | 6, headers: { ip: number; tcp: number }, gsoSize: number) {
  const l3 = 3;
  const buffer = concat(new Uint8Array(l3), bytes);
  const l4 = l3 + headers.ip;
  const view = new DataView(buffer.buffer);
  const payload = bytes.length - headers.ip - headers.tcp;
  const large: TcpPacket = { view, family, l3, l4, l4Length: headers.tcp, payload, gsoSize };
  return Array.from({ length: Math.ceil(payload / gsoSize) }, (_, index) => {
    const out = new Uint8Array(headers.ip + headers.tcp + gsoSize + 8).fill(0xee);
    const length = writeSegment(large, index, new DataView(out.buffer), 5);
    assert.ok(
      out.every((byte, at) => byte === 0xee || (at >= 5 && at < 5 + length)),
      'wrote outside',
    );
    return out.slice(5, 5 + length);
  });
}

const flags = fc.subarray([...'FPAUEC']).map((letters) => letters.join(''));
const tcpOptions = fc.constantFrom<Uint8Array[]>(
  [],
  [tcpOption.timestamps(7, 9), tcpOption.nop, tcpOption.nop],
  [hex('fe08c93acb007107')],
);

const ipv4 = fc.record({
  family: fc.constant(4 as const),
  id: fc.nat(0xffff),
  trafficClass: fc.nat(255),
  dontFragment: fc.boolean(),
  options: fc.constantFrom(new Uint8Array(), hex('9404000001010100')),
});
const ipv6 = fc.record({
  family: fc.constant(6 as const),
  flowLabel: fc.nat(0xfffff),
  trafficClass: fc.nat(255),
  extensions: fc.subarray([0, 60]),
});

const large = fc
  .record({
    ip: fc.oneof(ipv4, ipv6),
    tcp: fc.record({
      from: fc.nat(65535),
      to: fc.nat(65535),
      seq: fc.nat(0xffffffff),
      ack: fc.nat(0xffffffff),
      urgent: fc.nat(65535),
      flags,
      options: tcpOptions,
    }),
    length: fc.integer({ min: 1, max: 4000 }),
    gsoSize: fc.integer({ min: 1, max: 1500 }),
    partial: fc.boolean(),
  })
  .filter(({ length, gsoSize }) => length / gsoSize < 100);

test('the segments of a large packet are those that one would build by hand', () => {
  fc.assert(
    fc.property(large, ({ ip, tcp, length, gsoSize, partial }) => {
      const below = (index: number) => {
        if (ip.family === 4) {
          return packet().ip({
            ...ip,
            from: '203.0.113.7',
            to: '10.0.0.1',
            id: (ip.id + index) & 0xffff,
          });
        }
        const base = packet().ip({ ...ip, from: '2001:db8::7', to: 'fd00::1' });
        return ip.extensions.reduce((builder, type) => builder.extension(type), base);
      };
      const model: LargePacket = { below, tcp, payload: pattern(length), gsoSize };
      const whole = below(0).tcp(tcp).payload(model.payload);
      const bytes = (partial ? whole.offload() : whole).bytes();
      const tcpHeader = 20 + concat(...tcp.options).length;
      const headers = { ip: bytes.length - length - tcpHeader, tcp: tcpHeader };
      assert.deepEqual(cut(bytes, ip.family, headers, gsoSize), segmentsOf(model));
    }),
  );
});

test('the largest packet of all is cut into segments with right checksums that make it up again', () => {
  const payload = new Uint8Array(65495).fill(0xff); // the largest sum
  const ip = { from: '255.255.255.254', to: '255.255.255.253' };
  const bytes = packet()
    .ip(ip)
    .tcp({ from: 65535, to: 65535, flags: 'PA', seq: 0xffff_ff00 })
    .payload(payload)
    .bytes();
  assert.equal(bytes.length, 65535);
  const segments = cut(bytes, 4, { ip: 20, tcp: 20 }, 65000);
  assert.equal(segments.length, 2);
  const tcp = segments.map((segment) => decodeTcp(decodeIp(segment)!.payload)!);
  assert.deepEqual(
    tcp.map(({ seq, flags: letters }) => [seq, letters]),
    [
      [0xffff_ff00, 'A'],
      [0xffff_ff00 + 65000 - 2 ** 32, 'PA'],
    ],
  );
  const model = segmentsOf({
    below: (index) => packet().ip({ ...ip, id: index }),
    tcp: { from: 65535, to: 65535, flags: 'PA', seq: 0xffff_ff00 },
    payload,
    gsoSize: 65000,
  });
  assert.deepEqual(segments, model);
});
