import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow } from '../../support/flow.js';
import { packet } from '../../support/packet-builder.js';
import { questionIn, Rig } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { INSIDE, MACS, TOPOLOGIES } from '../../support/topology.js';
import { addressText } from '../../support/wire.js';

for (const topology of TOPOLOGIES) {
  const name = (what: string) => `DR over IPv${topology.family}: ${what}`;
  const drRig = () => new Rig({ topology, service: { mode: 'dr' } });

  test(name('only the MAC addresses and the hops to live change'), () => {
    const rig = drRig();
    const flow = new Flow(rig);
    const options = [tcpOption.timestamps(1, 0), tcpOption.fastOpen(new Uint8Array(8)), flow.toa];
    const ip = {
      trafficClass: 0xb9,
      ttl: 9,
      ...(topology.family === 4 ? { id: 77 } : { flowLabel: 0x54321 }),
    };
    const out = { ...ip, ttl: 8 };
    const syn = flow.syn({ options, ip });
    rig.expect('SYN', [syn], [flow.toServer({ flags: 'S', options, ip: out })]);
    const data = { flags: 'PAUEC', seq: 1, ack: 1, window: 3, urgent: 5, payload: 333, options: [flow.toa] };
    const bad = { flags: 'A', seq: 1, ack: 1, checksum: 'bad' } as const;
    rig.play([
      { what: 'data', in: flow.client({ ...data, ip }), out: [flow.toServer({ ...data, ip: out })] },
      { what: 'a wrong checksum stays so', in: flow.client(bad), out: [flow.toServer(bad)] },
      {
        what: 'a reset',
        in: flow.client({ flags: 'R', seq: 334 }),
        out: [flow.toServer({ flags: 'R', seq: 334 })],
      },
    ]);
  });

  test(name('real servers, which have the VIP themselves, are not asked for from it'), () => {
    const rig = new Rig({ topology, service: { mode: 'dr' }, strangers: true });
    rig.balancer.start(rig.now);
    const asked = rig.drain().filter(({ link, decoded }) => link === INSIDE && questionIn(decoded));
    assert.equal(asked.length, topology.realServers.length);
    for (const { decoded } of asked) {
      if (topology.family === 4) assert.equal(decoded.arp?.sender, '0.0.0.0');
      else assert.equal(addressText(decoded.ip!.from), 'fe80::ff:fe00:b1', MACS.balancer[INSIDE]);
    }
    if (topology.family === 4) return;
    const solicitation = packet()
      .ethernet({ from: MACS.server(0), to: MACS.balancer[INSIDE] })
      .ip({ from: topology.realServers[0]!, to: 'fe80::ff:fe00:b1', ttl: 255 })
      .neighborSolicitation({ target: 'fe80::ff:fe00:b1', sourceMac: MACS.server(0) });
    const answers = rig.send(INSIDE, solicitation);
    assert.equal(answers[0]?.decoded.icmp?.type, 136, 'they can ask back');
  });

  test(name('connections go to the real servers in turn, each packet to the one of its connection'), () => {
    const rig = drRig();
    const flows = Array.from({ length: 6 }, (_, i) => new Flow(rig, { port: 40_000 + i }));
    for (const flow of flows) flow.open();
    assert.deepEqual(
      flows.map(({ server }) => server),
      [0, 1, 0, 1, 0, 1],
    );
    const data = { flags: 'PA', seq: 1, ack: 1, payload: 5 };
    for (const flow of flows) rig.play([{ what: 'data', in: flow.client(data), out: [flow.toServer(data)] }]);
  });

  test(name('what the device was left to do stays left to it'), () => {
    const rig = drRig();
    const flow = new Flow(rig).open();
    const [link, big] = flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 30_000 });
    const [outLink, bigOut] = flow.toServer({ flags: 'PA', seq: 1, ack: 1, payload: 30_000 });
    const [, small] = flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 3 });
    const [, smallOut] = flow.toServer({ flags: 'PA', seq: 1, ack: 1, payload: 3 });
    rig.play([
      {
        what: 'a GSO frame',
        in: [link, big.offload({ gsoSize: 1400 })],
        out: [[outLink, bigOut.offload({ gsoSize: 1400 })]],
      },
      { what: 'a partial checksum', in: [link, small.offload()], out: [[outLink, smallOut.offload()]] },
    ]);
  });

  test(
    name('an established connection that expires goes in silence: nobody knows the sequence numbers'),
    () => {
      const rig = drRig();
      new Flow(rig).settled();
      const sent = rig.wait(902_000).filter(({ decoded }) => decoded.tcp !== undefined);
      assert.deepEqual(sent, []);
      assert.equal(rig.balancer.connections.count, 0);
    },
  );

  test(name("a real server's answer that comes by anyway is a packet from our own address"), () => {
    const rig = drRig();
    const flow = new Flow(rig).open();
    rig.play([
      {
        what: 'VIP to client',
        in: flow.fromServer({ flags: 'SA', ack: 1, ip: { from: topology.vip, to: flow.clientAddress } }),
        out: [],
        counters: { 'drop-unknown-address': 1 },
      },
    ]);
  });

  test(name('a packet too big for its way is answered with the MTU'), () => {
    const rig = new Rig({ topology, service: { mode: 'dr' }, mtus: [1500, 1400] });
    const flow = new Flow(rig).open();
    const headers = topology.ipHeader + 20;
    const sized = (total: number) => ({ flags: 'A', seq: 1, ack: 1, payload: total - headers });
    rig.play([{ what: '1400', in: flow.client(sized(1400)), out: [flow.toServer(sized(1400))] }]);
    const [told] = rig.send(...flow.client(sized(1401)));
    assert.equal(told?.decoded.icmp?.rest, 1400);
    assert.equal(rig.counter('drop-too-big'), 1);
  });
}
