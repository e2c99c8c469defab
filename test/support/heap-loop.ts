/** Run by a test: packets of known connections, both families and both directions, with and without the option. */
import { Flow } from './flow.js';
import { caseOf, printHeapGrowth } from './heap-growth.js';
import { Rig } from './rig.js';
import { TOPOLOGIES } from './topology.js';

printHeapGrowth(
  TOPOLOGIES.flatMap((topology) => {
    const rig = new Rig({ topology });
    const early = new Flow(rig, { port: 1 }).open();
    const settled = new Flow(rig, { port: 2 }).settled();
    return [
      early.client({ flags: 'PA', seq: 1, ack: 1, payload: 500 }),
      settled.client({ flags: 'A', seq: 1, ack: 2, payload: 1000 }),
      settled.fromServer({ flags: 'PA', seq: 2, ack: 1, payload: 1200 }),
    ].map((packet) => caseOf(rig, packet));
  }),
);
