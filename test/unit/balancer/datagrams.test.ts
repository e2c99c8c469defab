import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ForwardingMode } from '../../../lib/balancer/config/model.js';
import { Datagrams } from '../../support/datagrams.js';
import { Rig } from '../../support/rig.js';
import { isOneWay, TOPOLOGIES } from '../../support/topology.js';
import { u16 } from '../../support/wire.js';

const MODES: readonly ForwardingMode[] = ['nat', 'fullnat', 'dr', 'tun'];

for (const topology of TOPOLOGIES) {
  for (const mode of MODES) {
    const name = (what: string) => `UDP by ${mode} over IPv${topology.family}: ${what}`;
    const udpRig = () => new Rig({ topology, service: { mode, protocol: 'udp' } });

    test(name('datagrams go to the real server, and answers back where they pass by'), () => {
      const rig = udpRig();
      const flow = new Datagrams(rig);
      rig.expect('the first', [flow.begin()], [flow.toServer({ payload: 'first' })]);
      for (const payload of ['', 'x', 501, 1300]) {
        rig.play([{ what: 'to it', in: flow.client({ payload }), out: [flow.toServer({ payload })] }]);
        if (isOneWay(mode)) continue;
        rig.play([{ what: 'back', in: flow.fromServer({ payload }), out: [flow.toClient({ payload })] }]);
      }
      assert.equal(rig.counter('connections-new'), 1);
    });

    test(name('clients are told apart, and each keeps its real server until it is silent for 300 s'), () => {
      const rig = udpRig();
      const flows = [1, 2, 3].map((port) => new Datagrams(rig, { port }));
      for (const flow of flows) flow.begin();
      assert.deepEqual(
        flows.map(({ ways }) => ways.server),
        [0, 1, 0],
      );
      rig.wait(299_000);
      const payload = 'still';
      rig.play([
        { what: 'known', in: flows[1]!.client({ payload }), out: [flows[1]!.toServer({ payload })] },
      ]);
      rig.wait(299_000);
      assert.equal(rig.balancer.connections.count, 1);
      rig.wait(3000);
      assert.equal(rig.balancer.connections.count, 0);
      assert.equal(rig.counter('reset-on-expiry'), 0);
    });

    test(name('a checksum that was left to the device stays so, but in a tunnel'), () => {
      const rig = udpRig();
      const flow = new Datagrams(rig);
      flow.begin();
      // `offload` speaks of TCP: a UDP checksum stands 6 bytes behind the header's start.
      const [link, plain] = flow.client({ payload: 77, checksum: 'partial' });
      const { bytes } = plain.build();
      const start = bytes.length - 85;
      const virtio = Uint8Array.of(1, 0, 0, 0, 0, 0, start, 0, 6, 0);
      const [sent] = rig.send(link, { bytes, virtio });
      const checksum = mode === 'tun' ? 'good' : 'partial';
      const [, wanted] = flow.toServer({ payload: 77, checksum });
      assert.deepEqual(sent?.bytes, wanted.bytes());
      assert.equal(sent?.virtio[0], mode === 'tun' ? 0 : 1);
    });

    test(name('a wrong checksum stays wrong'), () => {
      const rig = udpRig();
      const flow = new Datagrams(rig);
      flow.begin();
      const [sent] = rig.send(...flow.client({ payload: 9, checksum: 'bad' }));
      assert.equal((sent?.decoded.inner ?? sent?.decoded)?.udp?.checksumRight, false);
    });

    test(name('a sum that comes out as 0 is written as ffff, as 0 would say that there is none'), () => {
      const rig = udpRig();
      const flow = new Datagrams(rig);
      flow.begin();
      // Whatever is missing to ffff in the sum of the rest, as the payload.
      const [, probe] = flow.toServer({ payload: u16(0) });
      const bytes = probe.bytes();
      const missing = (bytes[bytes.length - 4]! << 8) | bytes[bytes.length - 3]!;
      const payload = u16(missing);
      const [, wanted] = flow.toServer({ payload, checksum: 0xffff });
      const [sent] = rig.send(...flow.client({ payload }));
      if (isOneWay(mode)) return;
      assert.deepEqual(sent?.bytes, wanted.bytes());
      assert.equal(sent?.decoded.udp?.checksumRight, true);
    });

    test(name('a port that nobody serves is unreachable, to the sender only'), () => {
      const rig = udpRig();
      const [link, datagram] = new Datagrams(rig).client({ payload: 9 });
      const { bytes } = datagram.build();
      bytes[14 + topology.ipHeader + 3] = 81; // the port; the checksum does not matter yet
      const [told, ...more] = rig.send(link, { bytes, virtio: new Uint8Array(10) });
      const { type, code, body } = told!.decoded.icmp!;
      assert.deepEqual([type, code], topology.family === 4 ? [3, 3] : [1, 4]);
      assert.deepEqual(body, bytes.slice(14));
      assert.deepEqual(more, []);
      assert.equal(rig.counter('drop-no-service'), 1);
      assert.equal(rig.balancer.connections.count, 0);
    });

    if (topology.family === 4) {
      test(name('no checksum stays none'), () => {
        const rig = udpRig();
        const flow = new Datagrams(rig);
        flow.begin();
        const datagram = { payload: 9, checksum: 0 } as const;
        rig.play([{ what: 'to it', in: flow.client(datagram), out: [flow.toServer(datagram)] }]);
        if (isOneWay(mode)) return;
        rig.play([{ what: 'back', in: flow.fromServer(datagram), out: [flow.toClient(datagram)] }]);
      });
    }
  }
}
