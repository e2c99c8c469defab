import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow } from '../../support/flow.js';
import { Rig } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { TOPOLOGIES } from '../../support/topology.js';
import { concat } from '../../support/wire.js';

/** What Linux puts on a SYN, and what is left of it when the timestamps are blanked. */
const SYN_OPTIONS = [
  tcpOption.mss(1460),
  tcpOption.sackPermitted,
  tcpOption.timestamps(77, 0),
  tcpOption.nop,
  tcpOption.windowScale(7),
];
const NOPS = (n: number) => new Uint8Array(n).fill(1);
const SYN_OPTIONS_OUT = [
  tcpOption.mss(1460),
  tcpOption.sackPermitted,
  NOPS(10),
  tcpOption.nop,
  tcpOption.windowScale(7),
];

for (const topology of TOPOLOGIES) {
  const { family, toaLength } = topology;
  const name = (what: string) => `IPv${family}: ${what}`;

  test(name('a whole connection, packet by packet'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig, { synOptions: SYN_OPTIONS });
    const syn = flow.syn({
      ip: { trafficClass: 0x28, ...(family === 4 ? { id: 4711 } : { flowLabel: 0x12345 }) },
    });
    const kept = { trafficClass: 0x28, ...(family === 4 ? { id: 4711 } : { flowLabel: 0x12345 }) };
    rig.expect(
      'the SYN',
      [syn],
      [flow.toServer({ flags: 'S', options: SYN_OPTIONS_OUT, ip: { ttl: 63, ...kept } })],
    );
    assert.ok(topology.localAddresses.includes(flow.localAddress));
    const { toa } = flow;
    const ack = { flags: 'A', seq: 1, ack: 1 };
    const request = { flags: 'PA', seq: 1, ack: 1, payload: 'GET / HTTP/1.0\r\n\r\n' };
    const response = { flags: 'PA', seq: 1, ack: 19, payload: 'HTTP/1.0 200 OK\r\n\r\n' };
    rig.play([
      {
        what: 'the SYN-ACK: MSS lowered',
        in: flow.fromServer({ flags: 'SA', ack: 1, options: [tcpOption.mss(1460), tcpOption.sackPermitted] }),
        out: [
          flow.toClient({
            flags: 'SA',
            ack: 1,
            options: [
              tcpOption.mss(Math.min(1460, 1500 - topology.ipHeader - 20) - toaLength),
              tcpOption.sackPermitted,
            ],
          }),
        ],
        counters: { 'mss-lowered': 1 },
      },
      {
        what: 'the handshake ACK gets the option',
        in: flow.client(ack),
        out: [flow.toServer({ ...ack, options: [toa] })],
        counters: { 'toa-added': 1 },
      },
      {
        what: 'and so does the request',
        in: flow.client(request),
        out: [flow.toServer({ ...request, options: [toa] })],
        counters: { 'toa-added': 1 },
      },
      {
        what: "the server's ACK of it passes",
        in: flow.fromServer({ flags: 'A', seq: 1, ack: 19 }),
        out: [flow.toClient({ flags: 'A', seq: 1, ack: 19 })],
      },
      { what: 'the response passes', in: flow.fromServer(response), out: [flow.toClient(response)] },
      {
        what: 'the ACK of the response has no option any more',
        in: flow.client({ flags: 'A', seq: 19, ack: 20 }),
        out: [flow.toServer({ flags: 'A', seq: 19, ack: 20 })],
      },
      {
        what: "the server's FIN",
        in: flow.fromServer({ flags: 'FA', seq: 20, ack: 19 }),
        out: [flow.toClient({ flags: 'FA', seq: 20, ack: 19 })],
      },
      {
        what: "the client's FIN",
        in: flow.client({ flags: 'FA', seq: 19, ack: 21 }),
        out: [flow.toServer({ flags: 'FA', seq: 19, ack: 21 })],
      },
      {
        what: 'the last ACK',
        in: flow.fromServer({ flags: 'A', seq: 21, ack: 20 }),
        out: [flow.toClient({ flags: 'A', seq: 21, ack: 20 })],
      },
    ]);
    assert.equal(rig.balancer.connections.count, 1);
    rig.wait(9000);
    assert.equal(rig.balancer.connections.count, 0);
  });

  test(name('connections go to the real servers in turn, each from a pair of its own'), () => {
    const rig = new Rig({ topology });
    const flows = Array.from({ length: 6 }, (_, i) => new Flow(rig, { client: 7, port: 40000 + i }));
    for (const flow of flows) flow.open();
    assert.deepEqual(
      flows.map(({ server }) => server),
      [0, 1, 0, 1, 0, 1],
    );
    const pairs = flows.map(
      ({ server, localAddress, localPort }) => `${server} ${localAddress} ${localPort}`,
    );
    assert.equal(new Set(pairs).size, 6);
    assert.equal(rig.balancer.connections.count, 6);
    assert.equal(rig.counter('connections-new'), 6);
  });

  test(name('a real server of weight 0 gets no new connection'), () => {
    const realServers = topology.realServers.map((address, i) => ({ address, port: 8080, weight: i }));
    const rig = new Rig({ topology, service: { realServers } });
    for (let port = 1000; port < 1004; port++) assert.equal(new Flow(rig, { port }).open().server, 1);
  });

  test(name('local addresses take turns and ports stay within their range'), () => {
    const localAddresses = family === 4 ? ['10.0.0.2', '10.0.0.3'] : ['fd00::2', 'fd00::3'];
    const rig = new Rig({ topology, service: { localAddresses, localPorts: [6000, 6003] } });
    const flows = Array.from({ length: 16 }, (_, i) => new Flow(rig, { port: 40000 + i }));
    for (const flow of flows) flow.open();
    const pairs = flows.map(
      ({ server, localAddress, localPort }) => `${server} ${localAddress} ${localPort}`,
    );
    assert.equal(
      new Set(pairs).size,
      16,
      'two addresses, four ports and two real servers make sixteen pairs',
    );
    for (const { localPort } of flows) assert.ok(localPort >= 6000 && localPort <= 6003);
    assert.deepEqual(new Set(flows.map(({ localAddress }) => localAddress)), new Set(localAddresses));
  });

  test(name('behind a range of ports each port of a real server has all local ports'), () => {
    const realServers = topology.realServers.slice(0, 1).map((address) => ({ address }));
    const rig = new Rig({ topology, service: { port: '80-82', localPorts: [5000, 5000], realServers } });
    for (const servicePort of [80, 81, 82]) {
      const sent = rig.send(
        ...new Flow(rig, { servicePort, port: 40_000 + servicePort }).client({ flags: 'S' }),
      );
      assert.equal(sent[0]?.decoded.tcp?.to, servicePort);
      assert.equal(sent[0]?.decoded.tcp?.from, 5000);
    }
    rig.send(...new Flow(rig, { servicePort: 80 }).client({ flags: 'S' }));
    assert.equal(rig.counter('drop-no-local-port'), 1);
  });

  test(name('a SYN sent again goes out the same and makes no second connection'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig);
    flow.syn();
    rig.play([
      { what: 'at once', in: flow.client({ flags: 'S' }), out: [flow.toServer({ flags: 'S' })] },
      { what: 'later', wait: 1000, in: flow.client({ flags: 'S' }), out: [flow.toServer({ flags: 'S' })] },
    ]);
    assert.equal(rig.counter('connections-new'), 1);
  });

  for (const [state, walk] of [
    ['half-open', []],
    ['close', [[false, 'RA']]],
    [
      'time-wait',
      [
        [true, 'FA'],
        [false, 'FA'],
      ],
    ],
    ['fin-wait', [[false, 'FA']]],
    ['close-wait', [[true, 'FA']]],
  ] as const) {
    test(
      name(`a client that comes back is counted by the state that its connection was in: ${state}`),
      () => {
        const rig = new Rig({ topology });
        const first = new Flow(rig);
        if (state === 'half-open') first.half();
        else first.settled();
        for (const [fromClient, flags] of walk) {
          const segment = { flags, seq: 2, ack: 2 };
          rig.send(...(fromClient ? first.client(segment) : first.fromServer(segment)));
        }
        new Flow(rig, { clientIsn: 123456 }).syn();
        assert.deepEqual(
          [rig.counter('connections-reused'), rig.counter(`connections-reused-${state}`)],
          [1, 1],
        );
      },
    );
  }

  test(name('a client comes back with the port it had: the same real server, larger initial numbers'), () => {
    const rig = new Rig({ topology, service: { localPorts: [5000, 5000] } });
    const first = new Flow(rig).settled();
    rig.send(...first.fromServer({ flags: 'FA', seq: 2, ack: 1 }));
    rig.send(...first.client({ flags: 'FA', seq: 1, ack: 3 }));
    rig.send(...first.fromServer({ flags: 'A', seq: 3, ack: 2 }));
    rig.wait(2000);
    const again = new Flow(rig, { clientIsn: 123456 });
    again.syn();
    assert.equal(rig.counter('connections-new'), 1);
    assert.equal(rig.counter('connections-reused'), 1);
    assert.deepEqual([again.server, again.localPort], [first.server, first.localPort]);
    assert.ok(((again.balancerIsn - first.balancerIsn) | 0) > 2, 'beyond every number of the old connection');
    const late = { flags: 'A', seq: 1, ack: 1 };
    rig.play([
      {
        what: 'what acknowledges the old first byte is not early data of the new connection',
        in: again.client(late),
        out: [again.toServer(late)],
      },
    ]);
    const isn = again.balancerIsn;
    again.half();
    assert.equal(again.balancerIsn, isn);
    rig.play([
      {
        what: 'the new handshake ACK carries the option again',
        in: again.client({ flags: 'A', seq: 1, ack: 1 }),
        out: [again.toServer({ flags: 'A', seq: 1, ack: 1, options: [again.toa] })],
        counters: { 'toa-added': 1 },
      },
    ]);
  });

  test(name('initial numbers at one local port grow with time'), () => {
    const rig = new Rig({ topology, service: { localPorts: [5000, 5000] } });
    let previous: number | undefined;
    for (let round = 0; round < 4; round++) {
      const flow = new Flow(rig, { client: 10 + round });
      flow.open();
      rig.send(...flow.fromServer({ flags: 'RA', seq: 1, ack: 1 }));
      rig.wait(5000);
      const other = new Flow(rig, { client: 100 + round });
      other.open();
      rig.send(...other.fromServer({ flags: 'RA', seq: 1, ack: 1 }));
      rig.wait(5000);
      if (previous !== undefined) assert.ok(((flow.balancerIsn - previous) | 0) > 0, `round ${round}`);
      previous = flow.balancerIsn;
    }
  });

  test(name('selective acknowledgments of the real server are shifted like its acknowledgments'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    const edges = (base: number, ...offsets: number[]) => offsets.map((offset) => (base + offset) >>> 0);
    const at = (base: number, lead: Uint8Array) => ({
      flags: 'A',
      seq: 2,
      ack: 1,
      options: [lead, tcpOption.sack(...edges(base, 100, 200, 300, 400))],
    });
    for (const lead of [NOPS(2), NOPS(1), NOPS(0), concat(tcpOption.timestamps(1, 2), NOPS(1))]) {
      rig.play([
        {
          what: `SACK behind ${lead.length} bytes`,
          in: flow.fromServer(at(flow.balancerIsn, lead)),
          out: [flow.toClient(at(flow.clientIsn, lead))],
        },
      ]);
    }
    const fromClient = { flags: 'A', seq: 1, ack: 2, options: [NOPS(2), tcpOption.sack(5, 6)] };
    rig.play([
      {
        what: "the client's are as they were",
        in: flow.client(fromClient),
        out: [flow.toServer(fromClient)],
      },
    ]);
  });

  test(name('urgent data, ECN bits, windows and odd lengths pass'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    const odd = {
      flags: 'PAUEC',
      seq: 1,
      ack: 2,
      window: 3,
      urgent: 5,
      payload: 333,
      ip: { trafficClass: 3 },
    };
    const out = { ...odd, ip: { ...odd.ip, ttl: 63 } };
    rig.play([
      { what: 'to the server', in: flow.client(odd), out: [flow.toServer(out)] },
      {
        what: 'to the client',
        in: flow.fromServer({ ...odd, seq: 2, ack: 334 }),
        out: [flow.toClient({ ...out, seq: 2, ack: 334 })],
      },
    ]);
  });

  test(name('a wrong checksum stays wrong, so that the end sees it'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).open();
    const data = { flags: 'PA', seq: 1, ack: 1, payload: 77, checksum: 'bad' } as const;
    const [sent] = rig.send(...flow.client(data));
    assert.equal(sent?.decoded.tcp?.checksumRight, false);
    const [answer] = rig.send(...flow.fromServer({ ...data, ack: 1 }));
    assert.equal(answer?.decoded.tcp?.checksumRight, false);
  });

  test(name('padding behind a short packet is not taken for its payload'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).open();
    const [link, ack] = flow.client({ flags: 'A', seq: 1, ack: 1 });
    const { bytes, virtio } = ack.build();
    const padded = { bytes: concat(bytes, new Uint8Array(9)), virtio };
    rig.expect('no padding goes out', rig.send(link, padded), [
      flow.toServer({ flags: 'A', seq: 1, ack: 1, options: [flow.toa] }),
    ]);
  });
}
