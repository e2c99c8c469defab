import { fileURLToPath } from 'node:url';
import { startHandingOver } from './handed-over.js';
import type { Peer } from './peer.js';

const swapper = fileURLToPath(new URL('../frame-swapper.js', import.meta.url));

/** What no balancer on this packet I/O can pass: the same addon and links, frames handed from one to the other. */
export const ceiling: Peer = {
  name: 'ceiling',
  description: 'the same packet I/O with frames only swapped, no process()',
  perPacket: true,
  start: (laboratory) =>
    startHandingOver(laboratory, (balancer) => balancer.start(process.execPath, [swapper]), /^swapping$/),
};
