// A host that would love to take part: it owns the VIPs and the local addresses, has addresses in both networks, and forwards.
// Its own stack must send nothing while the balancer runs. Picture: testbed.ts, with these in the balancer's namespace:
//
//   lo       203.0.113.80, 2001:db8::80 (VIPs), 10.0.0.1, fd00::1 (local addresses)
//   clients  203.0.113.1, 2001:db8::1          servers  10.0.0.254, fd00::254

import assert from 'node:assert/strict';
import type { Namespace } from '../../cli/namespaces/namespace.js';
import { networkTest } from './network-test.js';
import {
  balancerConfig,
  buildTestbed,
  curl,
  families,
  get,
  noise,
  startBalancer,
  startServer,
} from './testbed.js';

/** Counts what the host's stack sends or forwards. Frames of packet sockets do not come by these hooks. */
const watch = `table inet watch {
  chain output {
    type filter hook output priority 0
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld2-listener-report } accept
    counter
  }
  chain forward { type filter hook forward priority 0
    counter
  }
}`;

function packetsOfTheHost(host: Namespace): number {
  const listed = host.execute('nft', 'list', 'table', 'inet', 'watch');
  return [...listed.matchAll(/counter packets (\d+)/g)].reduce(
    (sum, [, packets]) => sum + Number(packets),
    0,
  );
}

networkTest(
  'a host that owns every address and forwards sends nothing of its own while the balancer runs',
  async (network) => {
    const { client, balancer, server } = buildTestbed(network);
    for (const { vip, local, family } of families) {
      for (const address of [vip, local]) balancer.address('lo', `${address}/${family === 4 ? 32 : 128}`);
    }
    for (const address of ['203.0.113.1/24', '2001:db8::1/64']) balancer.address('clients', address);
    for (const address of ['10.0.0.254/24', 'fd00::254/64']) balancer.address('servers', address);
    balancer.sysctl({ 'net/ipv4/ip_forward': 1, 'net/ipv6/conf/all/forwarding': 1 });
    await startServer(server, 'http', 80);
    await startBalancer(balancer, balancerConfig([80]));
    balancer.nft(watch);

    const sent = noise(1_000_000);
    for (const { url } of families) {
      const { answer, own } = await get(client, `http://${url}/`);
      assert.equal(answer.client, own);
      const { stdout } = await curl(client, ['--data-binary', '@-', `http://${url}/`], sent);
      assert.ok(stdout.equals(sent));
    }
    assert.equal(packetsOfTheHost(balancer), 0);

    // The watch does see what the host sends: its own address still answers.
    await client.run('curl', ['-sS', '-m', '10', 'http://203.0.113.1/']);
    assert.equal(packetsOfTheHost(balancer), 1);
  },
);
