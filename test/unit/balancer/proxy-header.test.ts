import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow, type FlowSegment } from '../../support/flow.js';
import { describe } from '../../support/packet-decoder.js';
import { ProxiedFlow } from '../../support/proxied-flow.js';
import { proxyHeader } from '../../support/proxy-header.js';
import { Rig, type Row } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { configuration, IPV4, TOPOLOGIES, type Topology } from '../../support/topology.js';
import { hostPort } from '../../support/wire.js';

/** The header of a flow. */
function headerOf(topology: Topology, { clientAddress, clientPort }: Flow): Uint8Array {
  return proxyHeader(hostPort(clientAddress, clientPort), hostPort(topology.vip, topology.port));
}

function proxyRig(topology: Topology): Rig {
  return new Rig({ topology, service: { clientAddress: 'proxy-v2' } });
}

/** The header's segment as the real server must receive it; the balancer's own, so from a whole hop away. */
function headerSegment(header: Uint8Array, window: number): FlowSegment {
  return { flags: 'PA', seq: 1, ack: 1, window, payload: header, ip: { ttl: 64 } };
}

/** The handshake ACK of a flow, with what the real server must receive because of it: the header goes ahead. */
function handshakeAck(topology: Topology, flow: Flow, window: number): Row {
  const header = headerOf(topology, flow);
  const ack = { flags: 'A', seq: 1, ack: 1, window };
  return {
    what: 'the handshake ACK, behind the header',
    in: flow.client(ack),
    out: [flow.toServer(headerSegment(header, window)), flow.toServer({ ...ack, seq: 1 + header.length })],
    counters: { 'proxy-header-sent': 1 },
  };
}

for (const topology of TOPOLOGIES) {
  const name = (what: string) => `IPv${topology.family}: ${what}`;
  const N = topology.family === 4 ? 28 : 52;

  test(name('the PROXY header goes ahead of the handshake ACK, and shifts what follows'), () => {
    const rig = proxyRig(topology);
    const flow = new Flow(rig).half();
    const header = headerOf(topology, flow);
    assert.equal(header.length, N);
    rig.play([
      handshakeAck(topology, flow, 501),
      {
        what: 'the SYN-ACK once more, as the ACK and the header were lost',
        in: flow.fromServer({ flags: 'SA', ack: 1 }),
        out: [flow.toClient({ flags: 'SA', ack: 1 })],
      },
      {
        what: 'a server that speaks first, before it has the header',
        in: flow.fromServer({ flags: 'PA', seq: 1, ack: 1, payload: '220 ready' }),
        out: [flow.toClient({ flags: 'PA', seq: 1, ack: 1, payload: '220 ready' })],
      },
      {
        what: 'a part of the header acknowledged is nothing to the client',
        in: flow.fromServer({ flags: 'A', seq: 10, ack: 8 }),
        out: [flow.toClient({ flags: 'A', seq: 10, ack: 1 })],
      },
      {
        what: "the client's bytes, shifted",
        in: flow.client({ flags: 'PA', seq: 1, ack: 10, payload: 'HELO' }),
        out: [flow.toServer({ flags: 'PA', seq: 1 + N, ack: 10, payload: 'HELO' })],
      },
      {
        what: 'a selective acknowledgment while the header is missing',
        in: flow.fromServer({
          flags: 'A',
          seq: 10,
          ack: 1,
          options: [
            tcpOption.nop,
            tcpOption.nop,
            tcpOption.sack(flow.balancerIsn + 1 + N, flow.balancerIsn + 5 + N),
          ],
        }),
        out: [
          flow.toClient({
            flags: 'A',
            seq: 10,
            ack: 1,
            options: [tcpOption.nop, tcpOption.nop, tcpOption.sack(flow.clientIsn + 1, flow.clientIsn + 5)],
          }),
        ],
      },
      {
        what: 'everything acknowledged',
        in: flow.fromServer({ flags: 'A', seq: 10, ack: 5 + N }),
        out: [flow.toClient({ flags: 'A', seq: 10, ack: 5 })],
      },
      { what: 'nothing is sent again', wait: 5000, out: [] },
      {
        what: 'the end',
        in: flow.client({ flags: 'FA', seq: 5, ack: 10 }),
        out: [flow.toServer({ flags: 'FA', seq: 5 + N, ack: 10 })],
      },
    ]);
  });

  test(name('a PROXY header that is not acknowledged is sent again after 1, 2, 4, 8 and 16 seconds'), () => {
    const rig = new Rig({ topology, service: { clientAddress: 'proxy-v2', timeouts: { established: 600 } } });
    const flow = new Flow(rig).half();
    const header = headerOf(topology, flow);
    const again = (wait: number): Row => ({
      what: `after ${wait} ms more`,
      wait,
      out: [flow.toServer(headerSegment(header, 9))],
      counters: { 'proxy-header-resent': 1 },
    });
    rig.play([
      handshakeAck(topology, flow, 9),
      ...[1000, 2000, 4000, 8000, 16000].map(again),
      { what: 'then no more', wait: 40_000, out: [], counters: { 'proxy-header-given-up': 1 } },
    ]);
  });
}

/** A real server's bare acknowledgment with a block of sequence numbers from `from` up to `to`. */
function sacked(ack: number, from: number, to: number): FlowSegment {
  const options = [tcpOption.nop, tcpOption.nop, tcpOption.sack(from >>> 0, to >>> 0)];
  return { flags: 'A', seq: 1, ack, options };
}

for (const topology of TOPOLOGIES) {
  test(`IPv${topology.family}: a header that came twice is no block before the client's first byte`, () => {
    const N = topology.family === 4 ? 28 : 52;
    for (const offload of [false, true]) {
      const rig = proxyRig(topology);
      const flow = new Flow(rig).half();
      assert.equal(rig.send(...flow.client({ flags: 'A', seq: 1, ack: 1 })).length, 2);
      const first = { client: flow.clientIsn + 1, server: flow.balancerIsn + 1 };
      const row = (what: string, ack: number, from: number, to: number, raised: [number, number]): Row => {
        const segment = flow.fromServer(sacked(ack, first.server + from, first.server + to));
        const wanted = sacked(Math.max(ack - N, 1), first.client + raised[0], first.client + raised[1]);
        const out = flow.toClient(wanted);
        return offload
          ? { what, in: [segment[0], segment[1].offload()], out: [[out[0], out[1].offload()]] }
          : { what, in: segment, out: [out] };
      };
      rig.play([
        row('the header alone', 1 + N, 0, N, [0, 0]),
        row('a part of it, while another is missing', 1 + 3, N - 9, N, [0, 0]),
        row('the header and what came with it', 1 + N + 40, 5, N + 40, [0, 40]),
        row('only what is behind the header', 1 + N + 40, N, N + 40, [0, 40]),
        row('half a window on', 1 + N + 2 ** 29, 0, N + 2 ** 29, [0, 2 ** 29]),
      ]);
    }
  });
}

test('once around, the numbers of the header are those of the client again', () => {
  const rig = proxyRig(IPV4);
  const flow = new Flow(rig).half();
  assert.equal(rig.send(...flow.client({ flags: 'A', seq: 1, ack: 1 })).length, 2);
  const first = { client: flow.clientIsn + 1, server: flow.balancerIsn + 1 };
  for (let done = 2 ** 29; done < 2 ** 32; done += 2 ** 29) {
    assert.equal(rig.send(...flow.fromServer({ flags: 'A', seq: 1, ack: 29 + done })).length, 1);
  }
  rig.play([
    {
      what: 'bytes behind a gap, where the header was 4 GiB before',
      in: flow.fromServer(sacked(0, first.server + 5, first.server + 17)),
      out: [flow.toClient(sacked(-28, first.client + 5 - 28, first.client + 17 - 28))],
    },
  ]);
});

for (const topology of TOPOLOGIES) {
  test(`IPv${topology.family}: what a SYN carries (Fast Open) does not come ahead of the header`, () => {
    const N = topology.family === 4 ? 28 : 52;
    for (const offload of [false, true]) {
      const rig = proxyRig(topology);
      const flow = new Flow(rig);
      const [link, syn] = flow.client({ flags: 'S', payload: 'GET / and an odd number of bytes.' });
      const sent = rig.send(link, offload ? syn.offload() : syn);
      flow.learn(sent[0]!);
      rig.expect('the SYN alone', sent, [flow.toServer({ flags: 'S' })]);
      assert.equal(rig.counter('proxy-header-syn-data-removed'), 1);
      assert.equal(rig.send(...flow.fromServer({ flags: 'SA', ack: 1 })).length, 1);
      rig.play([
        {
          what: 'the data again, as it was not acknowledged',
          in: flow.client({ flags: 'PA', seq: 1, ack: 1, window: 4, payload: 'GET /' }),
          out: [
            flow.toServer(headerSegment(headerOf(topology, flow), 4)),
            flow.toServer({ flags: 'PA', seq: 1 + N, ack: 1, window: 4, payload: 'GET /' }),
          ],
          counters: { 'proxy-header-sent': 1 },
        },
        {
          what: 'the SYN once more, late: its data would stand where the header does',
          in: flow.client({ flags: 'S', payload: 'GET /' }),
          out: [flow.toServer({ flags: 'S' })],
          counters: { 'proxy-header-syn-data-removed': 1 },
        },
      ]);
    }
  });
}

test('a wrong checksum stays wrong when the data is taken off the SYN', () => {
  const rig = proxyRig(IPV4);
  const sent = new Flow(rig).syn({ checksum: 'bad', payload: 'GET /' });
  assert.match(describe(sent), /0 bytes BAD TCP CHECKSUM/);
});

test('early data completes the handshake and comes behind the header', () => {
  const rig = proxyRig(IPV4);
  const flow = new Flow(rig).half();
  const early = { flags: 'PA', seq: 1, ack: 1, window: 7, payload: 'GET /' };
  rig.play([
    {
      what: 'the ACK was lost',
      in: flow.client(early),
      out: [flow.toServer(headerSegment(headerOf(IPV4, flow), 7)), flow.toServer({ ...early, seq: 29 })],
      counters: { 'proxy-header-sent': 1 },
    },
  ]);
});

test('a reset before the header has the number that the real server expects', () => {
  const rig = proxyRig(IPV4);
  const flow = new Flow(rig).half();
  rig.play([
    {
      what: 'the client gives up',
      in: flow.client({ flags: 'R', seq: 1 }),
      out: [flow.toServer({ flags: 'R', seq: 1 })],
    },
  ]);
});

test('a SYN that comes again after the header begins nothing; one with another number begins anew', () => {
  const rig = proxyRig(IPV4);
  const flow = new Flow(rig).half();
  assert.equal(rig.send(...flow.client({ flags: 'A', seq: 1, ack: 1 })).length, 2);
  const repeated = rig.send(...flow.client({ flags: 'S' }));
  rig.expect('the SYN as it was', repeated, [flow.toServer({ flags: 'S' })]);
  assert.equal(rig.counter('connections-reused'), 0);
  const { balancerIsn } = flow;
  rig.play([
    {
      what: 'the client resets',
      in: flow.client({ flags: 'R', seq: 1 }),
      out: [flow.toServer({ flags: 'R', seq: 29 })],
    },
  ]);
  const second = new Flow(rig, { clientIsn: 5 });
  rig.now += 1000;
  second.half();
  assert.notEqual(second.balancerIsn, balancerIsn);
  rig.play([handshakeAck(IPV4, second, 3)]);
});

test('a connection that is opened anew at the same moment has one header that is sent again, not two', () => {
  const rig = proxyRig(IPV4);
  rig.send(...new Flow(rig).half().client({ flags: 'A', seq: 1, ack: 1 }));
  const flow = new Flow(rig, { clientIsn: 77 });
  rig.send(...flow.client({ flags: 'R', seq: 1 }));
  flow.half();
  rig.play([
    handshakeAck(IPV4, flow, 9),
    {
      what: 'a second later',
      wait: 1000,
      out: [flow.toServer(headerSegment(headerOf(IPV4, flow), 9))],
      counters: { 'proxy-header-resent': 1 },
    },
  ]);
});

test('both ends had forgotten an open connection: the header goes ahead of what the next SYN opens', () => {
  const rig = proxyRig(IPV4);
  const first = new Flow(rig).half();
  rig.send(...first.client({ flags: 'A', seq: 1, ack: 1 }));
  rig.send(...first.fromServer({ flags: 'A', seq: 1, ack: 29 }));
  const flow = new Flow(rig, { clientIsn: 0x12345678, serverIsn: 0x1000 }).half();
  const synAck = { flags: 'SA', ack: 1 };
  rig.play([
    {
      what: 'the SYN-ACK once more',
      in: flow.fromServer(synAck),
      out: [flow.toClient(synAck)],
    },
    handshakeAck(IPV4, flow, 7),
    {
      what: 'data behind it',
      in: flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 'x' }),
      out: [flow.toServer({ flags: 'PA', seq: 29, ack: 1, payload: 'x' })],
    },
    {
      what: 'all acknowledged',
      in: flow.fromServer({ flags: 'A', seq: 1, ack: 30 }),
      out: [flow.toClient({ flags: 'A', seq: 1, ack: 2 })],
    },
    { what: 'nothing is sent again', wait: 5000, out: [] },
  ]);
  assert.equal(rig.counter('connections-reused-established'), 1);
});

for (const behind of ['', ', behind a SYN proxy']) {
  const isProxied = behind !== '';
  /** A connection whose header the real server has acknowledged. */
  const told = (): Flow => {
    const synProxy = isProxied ? { synProxy: { reuse: [] } } : {};
    const rig = new Rig({ topology: IPV4, service: { clientAddress: 'proxy-v2', ...synProxy } });
    const flow = isProxied ? new ProxiedFlow(rig).begun() : new Flow(rig).half();
    const answer = flow instanceof ProxiedFlow ? flow.synAck() : flow.client({ flags: 'A', seq: 1, ack: 1 });
    assert.equal(rig.send(...answer).length, 2);
    rig.send(...flow.fromServer({ flags: 'A', seq: 1, ack: 29 }));
    return flow;
  };

  for (const ended of [false, true]) {
    const when = ended ? 'after a reset' : 'when the real server has forgotten it';
    test(`whoever begins again with the same number ${when} brings no PROXY header of his own${behind}`, () => {
      const first = told();
      const { rig, clientIsn } = first;
      if (ended) rig.send(...first.client({ flags: 'R', seq: 1 }));
      const again = new Flow(rig, { clientIsn, serverIsn: 0x1000 });
      again.syn();
      rig.send(...again.fromServer({ flags: 'SA', ack: 1 }));
      const header = headerOf(IPV4, again);
      const forged = again.client({ flags: 'PA', seq: 1 - header.length, ack: 1, payload: header });
      const sent = rig.send(...forged);
      assert.deepEqual(
        sent.map(({ decoded }) => decoded.tcp!.payload.length),
        [0],
      );
      assert.equal(rig.counter('proxy-header-overlap-removed'), 1);
    });
  }

  for (const [what, numbers] of [
    ['the number before its own', [-1]],
    ['two numbers at once', [5000, 900_000]],
  ] as const) {
    test(`a real server that was asked with ${what} is told to forget it, as no header would come${behind}`, () => {
      const { rig, clientIsn } = told();
      const [asked, ...others] = numbers.map((number) => new Flow(rig, { clientIsn: clientIsn + number }));
      for (const flow of [asked!, ...others]) flow.syn();
      rig.play([
        {
          what: 'its SYN-ACK',
          in: asked!.fromServer({ flags: 'SA', seq: 70_000, ack: 1 }),
          out: [asked!.toServer({ flags: 'R', seq: 1, window: 0, ip: { ttl: 64 } })],
          counters: { 'drop-strange-syn-ack': 1, 'answer-reset': 1 },
        },
      ]);
    });
  }
}

test('a SYN-ACK that comes once more when two gigabytes have passed takes nothing off what follows', () => {
  const rig = proxyRig(IPV4);
  const flow = new Flow(rig).half();
  rig.send(...flow.client({ flags: 'A', seq: 1, ack: 1 }));
  const far = 0x9000_0000;
  for (let seq = 0x3000_0000; seq <= far; seq += 0x3000_0000) {
    rig.send(...flow.fromServer({ flags: 'A', seq: 1, ack: seq + 28 }));
  }
  rig.send(...flow.fromServer({ flags: 'SA', ack: 1 }));
  const data = { flags: 'PA', ack: 1, payload: 'x' };
  rig.play([
    {
      what: 'data',
      in: flow.client({ ...data, seq: far }),
      out: [flow.toServer({ ...data, seq: far + 28 })],
    },
    {
      what: 'its acknowledgment',
      in: flow.fromServer({ flags: 'A', seq: 1, ack: far + 29 }),
      out: [flow.toClient({ flags: 'A', seq: 1, ack: far + 1 })],
    },
  ]);
});

test('a keep-alive probe with a byte goes on without it', () => {
  const rig = proxyRig(IPV4);
  const flow = new Flow(rig).half();
  rig.send(...flow.client({ flags: 'A', seq: 1, ack: 1 }));
  rig.play([
    {
      what: 'a probe',
      in: flow.client({ flags: 'A', seq: 0, ack: 1, payload: 'x' }),
      out: [flow.toServer({ flags: 'A', seq: 28, ack: 1 })],
      counters: { 'proxy-header-overlap-removed': 1 },
    },
  ]);
});

test('a connection that is opened anew is told of as the service says by then', () => {
  for (const [before, after] of [
    ['toa', 'proxy-v2'],
    ['proxy-v2', 'toa'],
  ] as const) {
    const rig = new Rig({ topology: IPV4, service: { clientAddress: before } });
    rig.send(...new Flow(rig).half().client({ flags: 'A', seq: 1, ack: 1 }));
    const { faults } = rig.balancer.apply(
      configuration(IPV4, { service: { clientAddress: after } }),
      rig.now,
    );
    assert.equal(faults, undefined);
    const flow = new Flow(rig, { clientIsn: 77 });
    rig.send(...flow.client({ flags: 'R', seq: 1 }));
    flow.half();
    assert.equal(rig.counter('connections-reused'), 1);
    const headers = rig.counter('proxy-header-sent');
    const options = rig.counter('toa-added');
    rig.send(...flow.client({ flags: 'A', seq: 1, ack: 1 }));
    const told = [rig.counter('proxy-header-sent') - headers, rig.counter('toa-added') - options];
    assert.deepEqual(told, after === 'proxy-v2' ? [1, 0] : [0, 1], `${before}, then ${after}`);
  }
});
