// VLANs: tagged frames belong to the sub-interface, not to the interface they come in by. Picture: testbed.ts.

import assert from 'node:assert/strict';
import { ToaError } from '../../lib/errors.js';
import { packet } from '../support/packet-builder.js';
import { skipOrFail } from '../support/require.js';
import { concat, hex } from '../support/wire.js';
import { balanceOnVlan } from './balance-on-vlan.js';
import { networkTest } from './network-test.js';
import { program } from './program.js';
import {
  balancerConfig,
  buildTestbed,
  families,
  get,
  startBalancer,
  startServer,
  stopBalancer,
} from './testbed.js';

/** A SYN to the VIP with a tag of VLAN 10 behind the MAC addresses. */
function taggedSyn({ client, vip }: (typeof families)[number]): string {
  const { bytes } = packet()
    .ethernet({ from: '02:00:00:00:00:01', to: '02:00:00:00:00:02' })
    .ip({ from: client, to: vip })
    .tcp({ from: 51514, to: 80, seq: 1, flags: 'S' })
    .build();
  const tagged = concat(bytes.subarray(0, 12), hex('8100 000a'), bytes.subarray(12));
  return Buffer.from(tagged).toString('hex');
}

const watch = `table netdev watch {
  chain tagged { type filter hook ingress device "clients" priority 0
    ether type 8021q counter
  }
}`;

networkTest(
  'a tagged frame is not balanced on the interface below its VLAN, and passes its shield',
  async (network) => {
    const { client, balancer, server } = buildTestbed(network);
    balancer.ip('link', 'set', 'clients', 'address', '02:00:00:00:00:02');
    await startServer(server, 'http', 80);
    const running = await startBalancer(balancer, balancerConfig([80]));
    balancer.nft(watch);
    client.execute(process.execPath, program('send-frames'), 'eth0', ...families.map(taggedSyn));
    // Behind the tagged frames on the same wire, so that they have been there when this is answered.
    await get(client, `http://${families[0].url}/`);
    assert.match(balancer.execute('nft', 'list', 'table', 'netdev', 'watch'), /counter packets 2 /);
    const counters = await stopBalancer(running);
    assert.equal(counters['connections-new'], 1);
  },
);

networkTest('the balancer works on a VLAN sub-interface', async (network, t) => {
  try {
    await balanceOnVlan(network);
  } catch (error) {
    if (!(error instanceof ToaError) || !/Unknown device type/.test(error.message)) throw error;
    skipOrFail(t, 'vlan', 'this kernel has no VLAN devices (8021q)');
  }
});
