/** Services over lists of addresses, CIDRs and ranges of ports: whose a packet is, and what the real server gets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ForwardingMode } from '../../../lib/balancer/config/model.js';
import { Flow } from '../../support/flow.js';
import { Rig } from '../../support/rig.js';
import { isOneWay, TOPOLOGIES, type Topology } from '../../support/topology.js';

interface Listening {
  readonly address: string | readonly string[];
  readonly port: number | string | readonly (number | string)[];
  readonly protocol?: 'tcp' | 'udp';
}

for (const topology of TOPOLOGIES) {
  const { family } = topology;
  const name = (what: string) => `IPv${family}: ${what}`;
  /** In the network outside, so that clients reach it through our answers to ARP and neighbor discovery. */
  const vip = (n: number) => (family === 4 ? `198.51.100.${n}` : `2001:db8:100::5:${n.toString(16)}`);
  const wide = `${vip(64)}/${family === 4 ? 26 : 122}`;
  const narrow = `${vip(64)}/${family === 4 ? 28 : 124}`;

  /** Which of the services, by its position, a SYN is for; undefined where it is reset. */
  function serviceOf(services: readonly Listening[], address: string, port: number): number | undefined {
    // Each has another port of its real server's.
    const rig = new Rig({
      topology: { ...topology, vip: address },
      services: services.map((service, i) => ({
        ...service,
        mode: 'nat' as const,
        realServers: [{ address: topology.realServers[0]!, port: 1000 + i }],
      })),
    });
    const [sent] = rig.send(...new Flow(rig, { servicePort: port }).client({ flags: 'S' }));
    if (rig.counter('connections-new') === 1) return sent!.decoded.tcp!.to - 1000;
    assert.ok(rig.counter('answer-reset') === 1 || rig.counter('drop-unknown-address') === 1);
    return undefined;
  }

  const expect = (services: readonly Listening[], rows: readonly [number, number, number | undefined][]) => {
    for (const [n, port, wanted] of rows) {
      assert.equal(serviceOf(services, vip(n), port), wanted, `${vip(n)} port ${port}`);
    }
  };

  test(name('a service has all addresses of its list, and all its ports and ranges'), () => {
    const services = [{ address: [vip(10), narrow], port: [80, '8000-8010', 443] }];
    expect(services, [
      [10, 80, 0],
      [10, 443, 0],
      [10, 8000, 0],
      [10, 8010, 0],
      [64, 80, 0],
      [79, 8005, 0],
      [10, 81, undefined],
      [10, 7999, undefined],
      [10, 8011, undefined],
      [11, 80, undefined],
      [63, 80, undefined],
      [80, 80, undefined],
    ]);
  });

  test(name('the longer prefix has a packet, an address before any; in whatever order they are'), () => {
    const services: Listening[] = [
      { address: wide, port: '8000-8010' },
      { address: narrow, port: '8000-8010' },
      { address: vip(66), port: '8000-8010' },
      { address: vip(66), port: 8005 },
      { address: wide, port: '8000-8010', protocol: 'udp' },
    ];
    const rows: [number, number, number][] = [
      [127, 8005, 0],
      [80, 8000, 0],
      [64, 8005, 1],
      [79, 8010, 1],
      [66, 8004, 2],
      [66, 8005, 3],
    ];
    expect(services, rows);
    const last = services.length - 1;
    const turned: [number, number, number][] = rows.map(([n, port, index]) => [n, port, last - index]);
    expect(services.toReversed(), turned);
  });

  test(name('the smaller range has a packet, a port before any; in whatever order they are'), () => {
    const services = ['8000-8010', '8004-8006', 8005].map((port) => ({ address: wide, port }));
    const rows: [number, number, number][] = [
      [70, 8000, 0],
      [70, 8003, 0],
      [70, 8004, 1],
      [70, 8005, 2],
      [70, 8006, 1],
      [70, 8007, 0],
    ];
    expect(services, rows);
    expect(
      services.toReversed(),
      rows.map(([n, port, index]) => [n, port, 2 - index]),
    );
  });

  for (const mode of ['nat', 'fullnat', 'dr', 'tun'] as const satisfies readonly ForwardingMode[]) {
    test(
      name(
        `${mode}: the client's port is kept for a real server without one, and it answers as the VIP asked for`,
      ),
      () => {
        for (const [n, port] of [
          [64, 8000],
          [79, 8010],
        ] as const) {
          const asked: Topology = { ...topology, vip: vip(n), serverPort: port };
          const realServers = topology.realServers.map((address) => ({ address }));
          const rig = new Rig({
            topology: asked,
            service: { mode, address: narrow, port: '8000-8010', realServers },
          });
          const flow = new Flow(rig, { servicePort: port });
          rig.expect('SYN', [flow.syn()], [flow.toServer({ flags: 'S' })]);
          if (isOneWay(mode)) continue;
          const synAck = { flags: 'SA', ack: 1 };
          rig.play([{ what: 'SYN-ACK', in: flow.fromServer(synAck), out: [flow.toClient(synAck)] }]);
        }
      },
    );
  }
}
