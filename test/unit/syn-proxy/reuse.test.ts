/** A client comes again from the port of a connection that is still known. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SynProxyConfig } from '../../../lib/balancer/config/model.js';
import {
  HANDSHAKE_ACK,
  PROXIED_WAYS,
  ProxiedFlow,
  type ProxiedWay,
  proxiedConfig,
  proxiedRig,
} from '../../support/proxied-flow.js';
import { proxyHeader } from '../../support/proxy-header.js';
import type { Rig } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { OUTSIDE } from '../../support/topology.js';
import { hostPort } from '../../support/wire.js';

type State = NonNullable<SynProxyConfig['reuse']>[number];

/** What brings an open connection into a state. LAST_ACK is in Linux's table, but no packet leads there. */
const WALKS = {
  close: [[false, 'RA']],
  timeWait: [
    [true, 'FA'],
    [false, 'FA'],
  ],
  finWait: [[false, 'FA']],
  closeWait: [[true, 'FA']],
} as const satisfies Partial<Record<State, readonly (readonly [fromClient: boolean, flags: string])[]>>;
const REUSED_FROM = {
  close: 'syn-proxy-reused-close',
  timeWait: 'syn-proxy-reused-time-wait',
  finWait: 'syn-proxy-reused-fin-wait',
  closeWait: 'syn-proxy-reused-close-wait',
} as const;
const STATES = Object.keys(WALKS) as (keyof typeof WALKS)[];

function walkTo(flow: ProxiedFlow, state: keyof typeof WALKS): void {
  for (const [fromClient, flags] of WALKS[state]) {
    const segment = { flags, seq: 2, ack: 2 };
    assert.equal(flow.rig.send(...(fromClient ? flow.client(segment) : flow.fromServer(segment))).length, 1);
  }
}

/** A second handshake from the same port. @returns the SYN to the real server that its ACK makes */
function again(on: Rig): { flow: ProxiedFlow; syn: ReturnType<Rig['send']> } {
  const flow = new ProxiedFlow(on, { clientIsn: 0x12345678, serverIsn: 0x1000 });
  flow.cookie();
  const syn = on.send(...flow.client(HANDSHAKE_ACK));
  if (syn[0]?.decoded.tcp?.flags === 'S') flow.learn(syn[0]!);
  return { flow, syn };
}

for (const way of PROXIED_WAYS) {
  const name = (what: string) => `SYN proxy, ${way.way}: ${what}`;

  for (const state of STATES) {
    test(name(`a connection in ${state} makes way for a new one where that is a setting`), () => {
      const on = proxiedRig(way, { reuse: [state] });
      const first = new ProxiedFlow(on).settled();
      walkTo(first, state);
      on.now += 1;
      const { flow: second, syn } = again(on);
      assert.equal(syn.length, 1);
      assert.equal(on.counter('syn-proxy-reused'), 1);
      assert.equal(on.counter(REUSED_FROM[state]), 1);
      assert.equal(on.balancer.connections.count, 1);
      assert.equal(second.server, first.server, 'the same real server');
      assert.equal(second.localPort, first.localPort);
      if (way.shared) {
        const ahead = (second.balancerIsn - first.balancerIsn) | 0;
        assert.ok(ahead > 0, 'the real server sees an initial sequence number beyond the old ones');
      } else assert.equal(second.balancerIsn, second.clientIsn);
      assertWorks(way, second);
    });
  }

  for (const state of STATES) {
    test(
      name(`with deferUntilData an ACK alone ends nothing in ${state}: the first data begins anew`),
      () => {
        const on = proxiedRig(way, { reuse: [state], deferUntilData: true });
        const data = { flags: 'PA', seq: 1, ack: 1, payload: 'GET' };
        const first = new ProxiedFlow(on).begun(data);
        assert.equal(on.send(...first.synAck()).length, 1);
        walkTo(first, state);
        on.now += 1;
        const second = new ProxiedFlow(on, { clientIsn: 0x12345678, serverIsn: 0x1000 });
        second.cookie();
        const late = { flags: 'A', seq: 4, ack: 3 };
        on.play([
          {
            what: 'the ACK of the new cookie',
            in: second.client(HANDSHAKE_ACK),
            out: [],
            counters: { 'drop-syn-proxy-null-ack': 1 },
          },
          { what: 'one of the connection before', in: first.client(late), out: [first.toServer(late)] },
        ]);
        const [syn] = on.send(...second.client(data));
        second.learn(syn!);
        assert.equal(on.counter('syn-proxy-reused'), 1);
        on.play([
          {
            what: 'the data that began it',
            in: second.synAck(),
            out: [second.toServer(second.withToa(data))],
            counters: { 'syn-proxy-established': 1, ...(way.shared && { 'toa-added': 1 }) },
          },
        ]);
      },
    );
  }

  test(name("an ACK whose time is over takes no connection's place"), () => {
    const on = proxiedRig(way);
    walkTo(new ProxiedFlow(on).settled(), 'close');
    const flow = new ProxiedFlow(on, { clientIsn: 0x12345678 });
    flow.cookie();
    assert.equal(on.send(...flow.client({ ...HANDSHAKE_ACK, ip: { ttl: 1 } }))[0]?.decoded.tcp, undefined);
    assert.deepEqual([on.counter('drop-ttl-expired'), on.counter('syn-proxy-reused')], [1, 0]);
  });

  test(name('nothing that the last one had agreed on is left: a client without a window scale'), () => {
    const on = proxiedRig(way);
    const scale = (shift: number) => [tcpOption.mss(1400), tcpOption.nop, tcpOption.windowScale(shift)];
    const first = new ProxiedFlow(on, {
      synOptions: scale(2),
      synAckOptions: [tcpOption.mss(600)],
    }).settled();
    walkTo(first, 'close');
    on.now += 1;
    const { flow: second } = again(on);
    assertWorks(way, second);
    const data = { flags: 'A', seq: 4, ack: 3, window: 1000, payload: 700 };
    on.play([{ what: 'window and size as they are', in: second.client(data), out: [second.toServer(data)] }]);
    const answer = { flags: 'A', seq: 3, ack: 4, window: 1000, payload: 1 };
    on.play([{ what: 'and back', in: second.fromServer(answer), out: [second.toClient(answer)] }]);
  });

  if (way.shared) {
    test(name('a PROXY header goes ahead of the new one, too'), () => {
      const on = proxiedRig(way, {}, { clientAddress: 'proxy-v2' });
      const first = new ProxiedFlow(on).begun();
      assert.equal(on.send(...first.synAck()).length, 2, 'header and ACK');
      walkTo(first, 'close');
      on.now += 1;
      const { flow: second } = again(on);
      const vip = hostPort(way.topology.vip, way.topology.port);
      const header = proxyHeader(hostPort(second.clientAddress, second.clientPort), vip);
      on.play([
        {
          what: 'header and ACK',
          in: second.synAck(),
          out: [
            second.toServer({ ...HANDSHAKE_ACK, flags: 'PA', payload: header, ip: { ttl: 64 } }),
            second.toServer({ ...HANDSHAKE_ACK, seq: 1 + header.length }),
          ],
          counters: { 'syn-proxy-established': 1, 'proxy-header-sent': 1 },
        },
      ]);
    });
  }

  test(name('a SYN on an open connection is for the real server to judge'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on).settled();
    const other = new ProxiedFlow(on, { clientIsn: 0x12345678 });
    const shift = (flow.balancerIsn - flow.clientIsn) | 0;
    const sent = on.send(...other.client({ flags: 'S', options: other.synOptions }));
    assert.equal(sent.length, 1);
    assert.equal(sent[0]!.decoded.tcp!.seq, (other.clientIsn + shift) >>> 0);
    on.play([
      {
        what: 'the challenge (RFC 5961 4) is in the old numbers',
        in: flow.fromServer({ flags: 'A', seq: 2, ack: 1 }),
        out: [flow.toClient({ flags: 'A', seq: 2, ack: 1 })],
      },
      {
        what: 'to which the client answers with a reset of the old connection',
        in: flow.client({ flags: 'R', seq: 1 }),
        out: [flow.toServer({ flags: 'R', seq: 1 })],
      },
    ]);
    on.now += 1;
    const { flow: second, syn } = again(on);
    assert.equal(syn.length, 1, 'its next SYN finds it closed');
    assertWorks(way, second);
  });

  test(name('an ACK of no cookie on a finished connection is just a packet of it'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on).settled();
    walkTo(flow, 'timeWait');
    for (const ack of [3, 77]) {
      const late = { flags: 'A', seq: 3, ack };
      on.play([{ what: `ACK ${ack}`, in: flow.client(late), out: [flow.toServer(late)] }]);
    }
    assert.equal(on.counter('syn-proxy-reused'), 0);
  });

  test(
    name('the first segment that comes again is of its own connection, however much it acknowledges by now'),
    () => {
      const on = proxiedRig(way);
      const flow = new ProxiedFlow(on).settled();
      walkTo(flow, 'timeWait');
      for (const more of [4096, 8192, 65536, 1 << 20]) {
        const late = { flags: 'PA', seq: 1, ack: 1 + more, payload: 'x' };
        on.play([{ what: `${more} bytes`, in: flow.client(late), out: [flow.toServer(late)] }]);
      }
      assert.equal(on.counter('syn-proxy-reused'), 0);
    },
  );

  test(name('where a state may not be reused, the two ends shake hands themselves'), () => {
    const on = proxiedRig(way, { reuse: [] });
    const first = new ProxiedFlow(on).settled();
    walkTo(first, 'finWait');
    on.now += 1;
    const second = new ProxiedFlow(on, { clientIsn: 0x12345678, serverIsn: 0x1000 });
    second.syn();
    assert.equal(on.send(...second.fromServer({ flags: 'SA', ack: 1 })).length, 1);
    for (const segment of [
      { flags: 'A', seq: 1, ack: 2 },
      { flags: 'PA', seq: 1, ack: 2, payload: 'x', window: 77 },
    ]) {
      const sent = on.send(...second.client(segment));
      on.expect('the new numbers', sent, [second.toServer(segment)]);
    }
  });

  test(name('a SYN alone changes nothing in how a connection in such a state is translated'), () => {
    if (way.shared) return;
    const on = proxiedRig(way, { reuse: [] });
    const flow = new ProxiedFlow(on).settled();
    walkTo(flow, 'closeWait');
    assert.equal(on.send(...new ProxiedFlow(on, { clientIsn: 0x12345678 }).client({ flags: 'S' })).length, 1);
    const data = { flags: 'PA', seq: 2, ack: 3, payload: 'more' };
    const ack = { flags: 'A', seq: 3, ack: 6 };
    on.play([
      { what: 'an answer goes on', in: flow.fromServer(data), out: [flow.toClient(data)] },
      { what: 'and its acknowledgment', in: flow.client(ack), out: [flow.toServer(ack)] },
    ]);
  });

  test(name('both ends know nothing of an open connection any more: they shake hands themselves'), () => {
    const on = proxiedRig(way, { windowScale: 7 });
    const scale = (shift: number) => [tcpOption.mss(1400), tcpOption.nop, tcpOption.windowScale(shift)];
    const synAckOptions = [tcpOption.mss(600), tcpOption.nop, tcpOption.windowScale(9)];
    const first = new ProxiedFlow(on, { synOptions: scale(2), synAckOptions }).settled();
    const shift = (first.balancerIsn - first.clientIsn) | 0;
    const second = new ProxiedFlow(on, { clientIsn: 0x12345678, serverIsn: 0x1000 });
    second.learn(on.send(...second.client({ flags: 'S', options: scale(2) }))[0]!);
    assert.equal((second.balancerIsn - second.clientIsn) | 0, shift);
    on.play([
      {
        what: 'an answer to the SYN of before, late',
        in: first.fromServer({ flags: 'SA', seq: 70_000, ack: 1 }),
        out: [],
        counters: { 'drop-syn-proxy-unexpected': 1 },
      },
    ]);
    const [synAck] = on.send(...second.fromServer({ flags: 'SA', ack: 1, options: scale(5) }));
    assert.equal(synAck!.decoded.tcp!.seq, 0x1000, "the real server's own number");
    const data = { flags: 'PA', seq: 1, ack: 1, payload: 'x', window: 1000 };
    on.play([
      { what: 'windows in its own scale', in: second.fromServer(data), out: [second.toClient(data)] },
    ]);
    const long = { flags: 'A', seq: 1, ack: 2, payload: 700 };
    assert.equal(on.send(...second.client(long)).length, 1, 'segments as long as it takes now');
    const resets = on.wait(1_000_000).filter(({ decoded }) => decoded.tcp?.flags === 'R');
    const toClient = resets.find(({ link }) => link === OUTSIDE);
    assert.equal(toClient?.decoded.tcp?.seq, 0x1002, "when it expires, the real server's own number");
  });

  if (way.shared) {
    test(name('where the two ends shake hands, a PROXY header has the window as it is'), () => {
      const on = proxiedRig(way, { reuse: [] }, { clientAddress: 'proxy-v2' });
      const synOptions = [tcpOption.mss(1400), tcpOption.nop, tcpOption.windowScale(2)];
      const first = new ProxiedFlow(on, { synOptions }).begun();
      assert.equal(on.send(...first.synAck()).length, 2, 'header and ACK');
      walkTo(first, 'finWait');
      on.now += 1;
      const second = new ProxiedFlow(on, { clientIsn: 0x12345678, serverIsn: 0x1000 });
      second.syn();
      assert.equal(on.send(...second.fromServer({ flags: 'SA', ack: 1 })).length, 1);
      const sent = on.send(...second.client({ ...HANDSHAKE_ACK, window: 500 }));
      assert.deepEqual(
        sent.map(({ decoded }) => decoded.tcp!.window),
        [500, 500],
      );
    });
  }

  test(name('a connection from before the SYN proxy makes way too'), () => {
    const on = proxiedRig(way, { mode: 'off' });
    const first = new ProxiedFlow(on).direct();
    walkTo(first, 'timeWait');
    assert.equal(on.balancer.apply(proxiedConfig(way), on.now).faults, undefined);
    on.now += 1;
    const { flow, syn } = again(on);
    assert.equal(syn.length, 1);
    assert.equal(on.balancer.connections.count, 1);
    assertWorks(way, flow);
  });

  test(name('half-open and open connections from before the SYN proxy go on without it'), () => {
    const on = proxiedRig(way, { mode: 'off' });
    const half = new ProxiedFlow(on, { port: 1 }).half();
    const open = new ProxiedFlow(on, { port: 2 }).direct();
    assert.equal(on.balancer.apply(proxiedConfig(way), on.now).faults, undefined);
    const syn = on.send(...half.client({ flags: 'S' }));
    assert.equal(syn[0]!.decoded.tcp!.seq, half.balancerIsn, 'the SYN again');
    assert.equal(on.send(...half.client({ flags: 'A', seq: 1, ack: 1 })).length, 1);
    const data = { flags: 'PA', seq: 1, ack: 2, payload: 'x' };
    on.play([{ what: 'data', in: open.client(data), out: [open.toServer(data)] }]);
    assert.equal(on.counter('syn-proxy-syn'), 0);
  });

  test(name('handshakes and connections from before it was switched off go on'), () => {
    const on = proxiedRig(way);
    const told = new ProxiedFlow(on, { port: 1 });
    told.cookie();
    const begun = new ProxiedFlow(on, { port: 2 }).begun();
    const open = new ProxiedFlow(on, { port: 3 }).settled();
    const over = new ProxiedFlow(on, { port: 4 }).settled();
    walkTo(over, 'timeWait');
    assert.equal(on.balancer.apply(proxiedConfig(way, { mode: 'off' }), on.now).faults, undefined);
    const [syn] = on.send(...told.client(HANDSHAKE_ACK));
    told.learn(syn!);
    assertWorks(way, told);
    assertWorks(way, begun);
    const data = { flags: 'PA', seq: 2, ack: 2, payload: 'x' };
    on.play([{ what: 'the open one', in: open.client(data), out: [open.toServer(data)] }]);
    on.now += 1;
    const later = new ProxiedFlow(on, { port: 4, clientIsn: 0x12345678, serverIsn: 0x1000 }).direct();
    on.expect('the reused one', on.send(...later.client(data)), [later.toServer(data)]);
    assert.equal(on.counter('syn-proxy-syn'), 4);
  });
}

/** From the real server's SYN-ACK to data both ways. */
function assertWorks(way: ProxiedWay, flow: ProxiedFlow): void {
  const added = way.shared ? { 'toa-added': 1 } : {};
  const request = { flags: 'PA', seq: 1, ack: 1, payload: 'GET' };
  const answer = { flags: 'PA', seq: 1, ack: 4, payload: 'OK' };
  flow.rig.play([
    {
      what: 'the SYN-ACK',
      in: flow.synAck(),
      out: [flow.toServer(flow.withToa(HANDSHAKE_ACK))],
      counters: { 'syn-proxy-established': 1, ...added },
    },
    {
      what: 'a request',
      in: flow.client(request),
      out: [flow.toServer(flow.withToa(request))],
      counters: added,
    },
    { what: 'an answer', in: flow.fromServer(answer), out: [flow.toClient(answer)] },
  ]);
}
