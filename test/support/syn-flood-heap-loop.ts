/** Run by a test: SYNs that the balancer answers itself, and ACKs of bad cookies, both families. */
import { Flow } from './flow.js';
import { caseOf, printHeapGrowth } from './heap-growth.js';
import { Rig } from './rig.js';
import { tcpOption } from './tcp-segment.js';
import { TOPOLOGIES } from './topology.js';

const { fastOpen, mss, nop, sackPermitted, timestamps, windowScale } = tcpOption;
const usual = [mss(1460), sackPermitted, timestamps(77, 0), nop, windowScale(8)];
const odd = [nop, mss(1300), windowScale(3), fastOpen(new Uint8Array(8))];

printHeapGrowth(
  TOPOLOGIES.flatMap((topology) => {
    const rig = new Rig({ topology, service: { synProxy: { badAck: 'reset' } } });
    const flow = new Flow(rig);
    return [
      flow.client({ flags: 'S', options: usual }),
      flow.client({ flags: 'S', options: odd, payload: 100 }),
      flow.client({ flags: 'A', seq: 1, ack: 1 }),
    ].map((packet) => caseOf(rig, packet));
  }),
);
