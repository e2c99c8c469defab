/** IPv4 options and IPv6 extension headers are the two ends' business: every mode lets them pass as they are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ForwardingMode } from '../../../lib/balancer/config/model.js';
import { Datagrams } from '../../support/datagrams.js';
import { Flow } from '../../support/flow.js';
import type { PacketBuilder } from '../../support/packet-builder.js';
import { type OnLink, Rig } from '../../support/rig.js';
import { isOneWay, TOPOLOGIES } from '../../support/topology.js';
import type { Side } from '../../support/ways.js';
import { hex } from '../../support/wire.js';

const MODES: readonly ForwardingMode[] = ['nat', 'fullnat', 'dr', 'tun'];

for (const topology of TOPOLOGIES) {
  const { family } = topology;
  const headers = family === 4 ? 'IPv4 options' : 'IPv6 extension headers';
  /** A router alert, and padding. */
  const ip = family === 4 ? { options: hex('9404000001010100') } : {};
  const above = (below: PacketBuilder) => (family === 4 ? below : below.extension(0).extension(60));

  for (const mode of MODES) {
    test(`${mode} over TCP: ${headers} pass in both directions`, () => {
      const rig = new Rig({ topology, service: { mode } });
      const flow = new Flow(rig);
      const on = (
        side: Side,
        flags: string,
        seq: number,
        ack: number,
        options: Uint8Array[] = [],
      ): OnLink => {
        const ports = { from: side.from, to: side.to };
        const data = flags.includes('P') ? 333 : 0;
        return [
          side.link,
          above(side.below)
            .tcp({ ...ports, flags, seq, ack, options })
            .payload(data),
        ];
      };
      const { ways, clientIsn, serverIsn } = flow;
      const [syn, ...rest] = rig.send(...on(ways.client(ip), 'S', clientIsn, 0));
      assert.deepEqual(rest, []);
      flow.learn(syn!);
      const { balancerIsn } = flow;
      rig.expect('SYN', [syn!], [on(ways.toServer(ip), 'S', balancerIsn, 0)]);
      if (!isOneWay(mode)) {
        rig.play([
          {
            what: 'SYN-ACK',
            in: on(ways.fromServer(ip), 'SA', serverIsn, balancerIsn + 1),
            out: [on(ways.toClient(ip), 'SA', serverIsn, (clientIsn + 1) >>> 0)],
          },
        ]);
      }
      const option = mode === 'fullnat' ? { options: [flow.toa], counters: { 'toa-added': 1 } } : undefined;
      rig.play([
        {
          what: 'data',
          in: on(ways.client(ip), 'PA', clientIsn + 1, serverIsn + 1),
          out: [on(ways.toServer(ip), 'PA', balancerIsn + 1, serverIsn + 1, option?.options)],
          counters: option?.counters ?? {},
        },
      ]);
    });

    test(`${mode} over UDP: ${headers} pass in both directions`, () => {
      const rig = new Rig({ topology, service: { mode, protocol: 'udp' } });
      const { ways } = new Datagrams(rig);
      const on = ({ link, below, from, to }: Side): OnLink => [
        link,
        above(below).udp({ from, to }).payload(333),
      ];
      const [first, ...rest] = rig.send(...on(ways.client(ip)));
      assert.deepEqual(rest, []);
      ways.learn(first!);
      rig.expect('the first', [first!], [on(ways.toServer(ip))]);
      rig.play([{ what: 'another', in: on(ways.client(ip)), out: [on(ways.toServer(ip))] }]);
      if (isOneWay(mode)) return;
      rig.play([{ what: 'back', in: on(ways.fromServer(ip)), out: [on(ways.toClient(ip))] }]);
    });
  }
}
