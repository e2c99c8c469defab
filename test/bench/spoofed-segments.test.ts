import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import { decodeFrame } from '../support/packet-decoder.js';
import { Random } from '../support/random.js';
import { SPOOFED_NETWORKS, SpoofedSegments } from '../support/spoofed-segments.js';
import { encodeVirtio } from '../support/virtio-header.js';
import { addressText } from '../support/wire.js';

const FRAMES = 1000;
const macs = { from: '02:00:00:00:00:01', to: '02:00:00:00:00:02' };

for (const [family, address] of [
  [4, '203.0.113.80'],
  [6, '2001:db8::80'],
] as const) {
  for (const [kind, flags] of [
    ['syn', 'S'],
    ['ack', 'A'],
  ] as const) {
    test(`a flood's ${kind} segments over IPv${family} differ in all that a client chooses, and are right`, () => {
      const segments = new SpoofedSegments(kind, { address, port: 80, macs }, new Random(1));
      const bytes = segments.template.slice();
      const network = new BlockList();
      const [prefix = '', length] = SPOOFED_NETWORKS[family].split('/');
      network.addSubnet(prefix, Number(length), `ipv${family}`);
      const chosen = { client: new Set<string>(), port: new Set(), seq: new Set(), ack: new Set() };
      for (let i = 0; i < FRAMES; i++) {
        segments.renew(new DataView(bytes.buffer), 0);
        const { ip, tcp } = decodeFrame({ bytes: bytes.slice(), virtio: encodeVirtio({}) });
        assert.deepEqual([tcp?.to, tcp?.flags, tcp?.checksumRight], [80, flags, true]);
        assert.equal(ip?.checksumRight, true);
        chosen.client.add(addressText(ip!.from));
        chosen.port.add(tcp?.from);
        chosen.seq.add(tcp?.seq);
        chosen.ack.add(tcp?.ack);
      }
      assert.ok([...chosen.client].every((client) => network.check(client, `ipv${family}`)));
      const { ack, ...always } = chosen;
      for (const values of Object.values(always)) assert.ok(values.size > 0.9 * FRAMES, `${values.size}`);
      assert.ok(kind === 'ack' ? ack.size > 0.9 * FRAMES : ack.size === 1);
    });
  }
}
