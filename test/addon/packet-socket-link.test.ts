// A link on one end of a virtual cable in a namespace of this file's own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitUntilUp } from '../../cli/namespaces/link-up.js';
import { Arena, PACKET_SOCKET_SLOTS, PacketSocketLink } from '../../lib/link/index.js';
import { native } from '../../lib/native.js';
import { packet, pattern } from '../support/packet-builder.js';
import { enterPrivateNetwork } from '../support/private-network.js';
import { requireNamespaces } from '../support/require.js';
import { runShell } from '../support/run-shell.js';
import { experimental, Tap } from '../support/tap.js';

await enterPrivateNetwork(() => {
  runShell(`
    echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link add left type veth peer name right
    ip link set left up
    ip link set right up`);
  for (const device of ['left', 'right']) waitUntilUp(device);
});

test('a closed link tells what the kernel had dropped up to then, and closes no descriptor that is not its own', (t) => {
  if (!requireNamespaces(t)) return;
  const open = () => new PacketSocketLink(native()!, 'right', new Arena(PACKET_SOCKET_SLOTS));
  const frames = Array.from({ length: 64 }, () =>
    packet()
      .ethernet({ from: '02:00:00:00:00:01', to: '02:00:00:00:00:02', type: experimental })
      .payload(pattern(1400, 1))
      .bytes(),
  );
  const link = open();
  using left = new Tap('left');
  const overflow = () => {
    for (let batch = 0; batch < 320; batch++) left.send(frames); // 20,480 frames; the buffer holds some 14,000
  };
  overflow();
  link.close();
  assert.ok(link.statistics().receiveOverflow > 0);

  const next = open(); // takes the descriptor that has become free
  link.close();
  const { receiveOverflow } = link.statistics();
  overflow();
  assert.equal(link.statistics().receiveOverflow, receiveOverflow);
  assert.ok(next.statistics().receiveOverflow > 0);
  next.close();
});
