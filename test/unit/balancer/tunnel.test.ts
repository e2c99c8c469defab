import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow } from '../../support/flow.js';
import { Rig, type RigOptions } from '../../support/rig.js';
import { IPV4, IPV6, TUNNEL_4_IN_6, TUNNEL_6_IN_4 } from '../../support/topology.js';

const TUNNELS = [
  { what: 'IPv4 in IPv4', topology: IPV4, outer: 4 },
  { what: 'IPv6 in IPv6', topology: IPV6, outer: 6 },
  { what: 'IPv4 in IPv6', topology: TUNNEL_4_IN_6, outer: 6 },
  { what: 'IPv6 in IPv4', topology: TUNNEL_6_IN_4, outer: 4 },
] as const;

for (const { what: kind, topology, outer } of TUNNELS) {
  const name = (what: string) => `TUN, ${kind}: ${what}`;
  const tunnelRig = (options: Partial<RigOptions> = {}) =>
    new Rig({ topology, service: { mode: 'tun' }, ...options });
  const outerHeader = outer === 4 ? 20 : 40;

  test(name('each packet goes whole into another from a local address to its real server'), () => {
    const rig = tunnelRig();
    const flow = new Flow(rig);
    rig.expect('SYN', [flow.syn()], [flow.toServer({ flags: 'S' })]);
    assert.equal(flow.localAddress, topology.localAddresses[0]);
    const data = { flags: 'PAUEC', seq: 1, ack: 1, window: 3, urgent: 5, payload: 333, options: [flow.toa] };
    rig.play([
      { what: 'data, a TOA of the client too', in: flow.client(data), out: [flow.toServer(data)] },
      {
        what: 'FIN',
        in: flow.client({ flags: 'FA', seq: 334, ack: 1 }),
        out: [flow.toServer({ flags: 'FA', seq: 334, ack: 1 })],
      },
    ]);
  });

  test(name('connections go to the real servers in turn'), () => {
    const rig = tunnelRig();
    const flows = Array.from({ length: 4 }, (_, i) => new Flow(rig, { port: 40_000 + i }).open());
    assert.deepEqual(
      flows.map(({ server }) => server),
      [0, 1, 0, 1],
    );
  });

  test(
    name('hops to live and traffic class are the same outside; congestion met before stays inside'),
    () => {
      const rig = tunnelRig();
      const flow = new Flow(rig).open();
      const segment = { flags: 'A', seq: 1, ack: 1 };
      for (const [inside, outside] of [
        [0, 0],
        [0xb8, 0xb8],
        [0xb9, 0xb9],
        [0x02, 0x02],
        [0x03, 0x02],
        [0xff, 0xfe],
      ] as const) {
        rig.play([
          {
            what: `class ${inside}`,
            in: flow.client({ ...segment, ip: { trafficClass: inside, ttl: 9 } }),
            out: [
              flow.toServer({
                ...segment,
                ip: { trafficClass: inside, ttl: 8 },
                outer: { trafficClass: outside, ttl: 8 },
              }),
            ],
          },
        ]);
      }
    },
  );

  test(name('a full packet fits, one byte more is answered with what fits inside of the tunnel'), () => {
    const rig = tunnelRig();
    const flow = new Flow(rig).open();
    const sized = (total: number) => ({
      flags: 'A',
      seq: 1,
      ack: 1,
      payload: total - topology.ipHeader - 20,
    });
    const room = 1500 - outerHeader;
    rig.play([{ what: 'full', in: flow.client(sized(room)), out: [flow.toServer(sized(room))] }]);
    const [told] = rig.send(...flow.client(sized(room + 1)));
    const { type, code, rest } = told!.decoded.icmp!;
    assert.deepEqual([type, code, rest], topology.family === 4 ? [3, 4, room] : [2, 0, room]);
    assert.equal(rig.counter('drop-too-big'), 1);
  });

  test(name('a checksum that was left to the device is completed: none reaches into a tunnel'), () => {
    const rig = tunnelRig();
    const flow = new Flow(rig).open();
    const segment = { flags: 'PA', seq: 1, ack: 1, payload: 501 };
    const [link, frame] = flow.client(segment);
    rig.play([{ what: 'a segment', in: [link, frame.offload()], out: [flow.toServer(segment)] }]);
  });

  test(name('an established connection that expires goes in silence'), () => {
    const rig = tunnelRig();
    new Flow(rig).settled();
    const sent = rig.wait(902_000).filter(({ decoded }) => decoded.inner !== undefined);
    assert.deepEqual(sent, []);
    assert.equal(rig.counter('reset-on-expiry'), 0);
    assert.equal(rig.balancer.connections.count, 0);
  });

  if (topology.family === 4) {
    test(name('an IPv4 packet without DF may be cut around the tunnel too, which has ids of its own'), () => {
      const realServers = [{ address: topology.realServers[0]! }];
      const rig = tunnelRig({ service: { mode: 'tun', realServers } });
      const flows = [7, 8].map((client) => new Flow(rig, { client }).open());
      const segment = { flags: 'A', seq: 1, ack: 1, payload: 30, ip: { dontFragment: false, id: 4711 } };
      const ids = Array.from({ length: 300 }, (_, i) => {
        const flow = flows[i % 2]!;
        const sent = rig.send(...flow.client(segment));
        const { id } = sent[0]!.decoded.ip!;
        const around = outer === 4 ? { dontFragment: false, id } : {};
        rig.expect('no DF', sent, [flow.toServer({ ...segment, outer: around })]);
        return id;
      });
      assert.equal(new Set(ids).size, outer === 4 ? ids.length : 1);
    });
  }
}

test('TUN: real servers of both families, each in a tunnel of its own', () => {
  const localAddresses = [...IPV6.localAddresses, ...IPV4.localAddresses];
  const realServers = [{ address: IPV4.realServers[0]! }, { address: IPV6.realServers[1]! }];
  const routes = [IPV4, IPV6].flatMap(({ outsideNetwork, insideNetwork, everything, gateway }) => [
    { to: outsideNetwork, link: 'outside' },
    { to: insideNetwork, link: 'inside' },
    { to: everything, link: 'outside', via: gateway },
  ]);
  const topology = { ...IPV4, realServers: [IPV4.realServers[0]!, IPV6.realServers[1]!] };
  const rig = new Rig({ topology, service: { mode: 'tun', localAddresses, realServers }, routes });
  for (const [port, local] of [
    [1, IPV4.localAddresses[0]],
    [2, IPV6.localAddresses[0]],
  ] as const) {
    const flow = new Flow(rig, { port });
    rig.expect('SYN', [flow.syn()], [flow.toServer({ flags: 'S' })]);
    assert.equal(flow.localAddress, local);
  }
});
