/**
 * `node frame-swapper.js`: every frame of eth0 goes out on eth1 and the other way round, with the MAC addresses that
 * make it welcome there; nothing else of it is looked at. Links, loop and the compiler's limits are those of the balancer.
 */

import { lowerBackgroundThreads } from '../../lib/daemon/background-threads.js';
import { raiseInliningLimits } from '../../lib/daemon/inlining.js';
import { type Link, PacketSocketLink, packetSocketArena } from '../../lib/link/index.js';
import { requireNative } from '../../lib/native.js';
import { ETHERNET_SOURCE } from '../../lib/net/ethernet.js';
import { mac } from '../../test/support/wire.js';
import { macs } from './laboratory.js';

/** As the balancer's loop. */
const ROUNDS = 8;

raiseInliningLimits();
lowerBackgroundThreads();
const addon = requireNative();
const arena = packetSocketArena(addon, 2);
const front = new PacketSocketLink(addon, 'eth0', arena);
const back = new PacketSocketLink(addon, 'eth1', arena);
const addresses = {
  server: mac(macs.server),
  back: mac(macs.back),
  client: mac(macs.client),
  front: mac(macs.front),
};
front.start(swapAll);
back.start(swapAll);
process.stdout.write('swapping\n');

function swapAll(): void {
  for (let round = 0, came = 1; came > 0 && round < ROUNDS; round++) {
    came = swap(front, back, addresses.server, addresses.back);
    came += swap(back, front, addresses.client, addresses.front);
  }
}

/** @returns how many frames went over */
function swap(from: Link, to: Link, destination: Uint8Array, source: Uint8Array): number {
  const { bytes } = arena;
  const { received } = from;
  const count = from.receive();
  if (count === 0) return 0;
  for (let i = 0; i < count; i++) {
    const start = received[2 * i]!;
    for (let j = 0; j < 6; j++) {
      bytes[start + j] = destination[j]!;
      bytes[start + ETHERNET_SOURCE + j] = source[j]!;
    }
    to.queue(start, received[2 * i + 1]!);
  }
  to.flush();
  from.release();
  return count;
}
