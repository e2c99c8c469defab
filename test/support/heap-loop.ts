/** Run by a test: packets of known connections, both families and directions, with and without option and SYN proxy. */
import { Flow } from './flow.js';
import { caseOf, printHeapGrowth } from './heap-growth.js';
import { ProxiedFlow } from './proxied-flow.js';
import { Rig } from './rig.js';
import { tcpOption } from './tcp-segment.js';
import { TOPOLOGIES } from './topology.js';

printHeapGrowth(
  TOPOLOGIES.flatMap((topology) => {
    const rig = new Rig({ topology });
    const early = new Flow(rig, { port: 1 }).open();
    const settled = new Flow(rig, { port: 2 }).settled();
    const proxyRig = new Rig({ topology, service: { synProxy: {} } });
    const options = [tcpOption.mss(1460), tcpOption.windowScale(3)];
    const proxied = new ProxiedFlow(proxyRig, { synOptions: options, synAckOptions: options }).settled();
    return [
      caseOf(rig, early.client({ flags: 'PA', seq: 1, ack: 1, payload: 500 })),
      caseOf(rig, settled.client({ flags: 'A', seq: 1, ack: 2, payload: 1000 })),
      caseOf(rig, settled.fromServer({ flags: 'PA', seq: 2, ack: 1, payload: 1200 })),
      caseOf(proxyRig, proxied.client({ flags: 'A', seq: 1, ack: 2, options: sack(proxied.toldIsn) })),
      caseOf(proxyRig, proxied.fromServer({ flags: 'PA', seq: 2, ack: 1, payload: 1200 })),
      caseOf(
        proxyRig,
        proxied.fromServer({ flags: 'A', seq: 2, ack: 1, options: sack(proxied.balancerIsn) }),
      ),
    ];
  }),
);

function sack(isn: number): Uint8Array[] {
  return [tcpOption.nop, tcpOption.nop, tcpOption.sack((isn + 5) >>> 0, (isn + 9) >>> 0)];
}
