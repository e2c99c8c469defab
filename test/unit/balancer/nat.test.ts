import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow } from '../../support/flow.js';
import { Rig } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { TOPOLOGIES } from '../../support/topology.js';

for (const topology of TOPOLOGIES) {
  const name = (what: string) => `NAT over IPv${topology.family}: ${what}`;
  const natRig = () => new Rig({ topology, service: { mode: 'nat' } });

  test(name('addresses and ports change, sequence numbers and everything else stay'), () => {
    const rig = natRig();
    const synOptions = [
      tcpOption.mss(1460),
      tcpOption.sackPermitted,
      tcpOption.timestamps(77, 0),
      tcpOption.nop,
      tcpOption.windowScale(7),
    ];
    const flow = new Flow(rig);
    const ip = { trafficClass: 0xb9, ...(topology.family === 4 ? { id: 4711 } : { flowLabel: 0x12345 }) };
    const syn = flow.syn({ options: synOptions, ip });
    assert.deepEqual(
      [flow.localAddress, flow.localPort, flow.balancerIsn],
      [flow.clientAddress, flow.clientPort, flow.clientIsn],
      'the real server sees the client itself',
    );
    rig.expect('SYN', [syn], [flow.toServer({ flags: 'S', options: synOptions, ip })]);
    const synAck = { flags: 'SA', ack: 1, options: [tcpOption.mss(1460), tcpOption.timestamps(5, 77)] };
    const request = { flags: 'PAUEC', seq: 1, ack: 1, window: 3, urgent: 5, payload: 333 };
    const sack = { flags: 'A', seq: 1, ack: 1, options: [tcpOption.sack(5, 9), tcpOption.nop] };
    rig.play([
      { what: 'SYN-ACK: the MSS stays', in: flow.fromServer(synAck), out: [flow.toClient(synAck)] },
      { what: 'a request', in: flow.client(request), out: [flow.toServer(request)] },
      { what: 'an answer', in: flow.fromServer(request), out: [flow.toClient(request)] },
      { what: 'SACK of the server', in: flow.fromServer(sack), out: [flow.toClient(sack)] },
      { what: 'SACK of the client', in: flow.client(sack), out: [flow.toServer(sack)] },
      {
        what: 'a reset',
        in: flow.client({ flags: 'R', seq: 1 }),
        out: [flow.toServer({ flags: 'R', seq: 1 })],
      },
    ]);
    assert.equal(rig.balancer.connections.count, 1);
  });

  test(name('Fast Open stays: its cookie is bound to the address that the real server sees'), () => {
    const rig = natRig();
    const flow = new Flow(rig);
    const options = [tcpOption.fastOpen(new Uint8Array(8))];
    rig.expect(
      'SYN with data',
      [flow.syn({ options, payload: 'GET' })],
      [flow.toServer({ flags: 'S', options, payload: 'GET' })],
    );
  });

  test(name("a client's TOA never passes, nobody adds another"), () => {
    const rig = natRig();
    const flow = new Flow(rig).half();
    const { toa } = flow;
    const blank = new Uint8Array(toa.length).fill(1);
    for (const segment of [
      { flags: 'A', seq: 1, ack: 1 },
      { flags: 'PA', seq: 1, ack: 1, payload: 9 },
    ]) {
      rig.play([
        {
          what: `${segment.flags} with the option`,
          in: flow.client({ ...segment, options: [toa] }),
          out: [flow.toServer({ ...segment, options: [blank] })],
          counters: { 'toa-stripped': 1 },
        },
      ]);
    }
  });

  test(name('two addresses of the service do not mix a client up that uses one port for both'), () => {
    const second = topology.family === 4 ? '198.51.100.11' : '2001:db8:100::11';
    const [server] = topology.realServers as [string];
    const realServers = [{ address: server, port: topology.serverPort }];
    const rig = new Rig({ topology, service: { mode: 'nat', address: [topology.vip, second], realServers } });
    const flow = new Flow(rig).settled();
    rig.play([
      {
        what: 'the other address, the same port: the real server could not tell them apart',
        in: flow.client({ flags: 'S', ip: { to: second } }),
        out: [],
        counters: { 'drop-server-side-taken': 1 },
      },
    ]);
    assert.equal(rig.balancer.connections.count, 1);
    const data = { flags: 'A', seq: 1, ack: 2 };
    rig.play([{ what: 'the first goes on', in: flow.client(data), out: [flow.toServer(data)] }]);
  });

  test(name("a real server without a port gets the client's"), () => {
    const realServers = topology.realServers.map((address) => ({ address }));
    const rig = new Rig({ topology, service: { mode: 'nat', port: '8000-8010', realServers } });
    for (const servicePort of [8000, 8010]) {
      const flow = new Flow(rig, { servicePort });
      assert.equal(flow.syn().decoded.tcp?.to, servicePort);
    }
  });

  test(name('an established connection that expires is reset both ways'), () => {
    const rig = natRig();
    const flow = new Flow(rig).settled();
    const reset = { flags: 'R', window: 0, ip: { ttl: 64 } };
    const sent = rig.wait(902_000).filter(({ decoded }) => decoded.tcp !== undefined);
    rig.expect('both', sent, [flow.toServer({ ...reset, seq: 1 }), flow.toClient({ ...reset, seq: 2 })]);
    assert.equal(rig.balancer.connections.count, 0);
  });

  test(name('a GSO frame stays whole both ways'), () => {
    const rig = natRig();
    const flow = new Flow(rig).settled();
    const big = { flags: 'PA', seq: 1, ack: 2, payload: 30_000 };
    const back = { flags: 'PA', seq: 2, ack: 30_001, payload: 60_000 };
    const gso = ([link, frame]: ReturnType<Flow['client']>) =>
      [link, frame.offload({ gsoSize: 1400 })] as const;
    rig.play([
      { what: 'to the server', in: gso(flow.client(big)), out: [gso(flow.toServer(big))] },
      { what: 'to the client', in: gso(flow.fromServer(back)), out: [gso(flow.toClient(back))] },
    ]);
    const { total } = rig.balancer.statistics.snapshot();
    // SYN, ACK, ACK and 22 segments; SYN-ACK, a byte and 43.
    assert.deepEqual([total.packetsIn, total.packetsOut], [3 + 22, 2 + 43]);
  });
}
