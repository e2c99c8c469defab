// Datagrams that no link carries whole, cut and put together by the kernels of both ends. Picture: testbed.ts.

import assert from 'node:assert/strict';
import type { ServiceConfig } from '../../lib/balancer/config/index.js';
import { networkTest } from './network-test.js';
import { program } from './program.js';
import { balancerConfig, buildTestbed, families, startBalancer, stopBalancer } from './testbed.js';

const config = balancerConfig([], {
  services: families.map(
    ({ vip, local, server }): ServiceConfig => ({
      address: vip,
      port: 53,
      protocol: 'udp',
      mode: 'fullnat',
      scheduler: 'rr',
      localAddresses: [local],
      realServers: [{ address: server, port: 53 }],
    }),
  ),
});

for (const [how, mtu] of [
  ['', 1500],
  [', where the real server has a smaller MTU too', 1300],
] as const) {
  networkTest(
    `datagrams of up to 60 KB go to the real server and come back in fragments${how}`,
    async (network) => {
      const { client, balancer, server } = buildTestbed(network);
      for (const [namespace, device] of [
        [balancer, 'servers'],
        [server, 'eth0'],
      ] as const) {
        await namespace.run('ip', ['link', 'set', device, 'mtu', String(mtu)]);
      }
      const echo = server.start(process.execPath, [program('echo-datagrams'), '53']);
      await echo.line(/listening udp4/);
      await echo.line(/listening udp6/);
      const running = await startBalancer(balancer, config);
      for (const { vip } of families) {
        for (const length of [100, 1470, 3000, 60_000]) {
          const asked = await client.run(process.execPath, [
            program('ask-datagram'),
            vip,
            '53',
            String(length),
          ]);
          assert.equal(asked.stdout.toString(), 'same\n', `${length} bytes to ${vip}: ${asked.stderr}`);
        }
      }
      const counters = await stopBalancer(running);
      assert.ok(counters['fragments-reassembled']! >= 8, JSON.stringify(counters));
      assert.ok(counters['packets-fragmented']! >= 8);
      assert.equal(counters['drop-fragment-overlap'], 0);
      assert.equal(counters['drop-fragment-bad-length'], 0);
    },
  );
}
