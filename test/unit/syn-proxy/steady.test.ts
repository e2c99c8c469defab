/** What other features make of connections behind a SYN proxy. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowSegment } from '../../support/flow.js';
import { pattern } from '../../support/packet-builder.js';
import {
  HANDSHAKE_ACK,
  PROXIED_WAYS,
  ProxiedFlow,
  proxiedConfig,
  proxiedRig,
} from '../../support/proxied-flow.js';
import { proxyHeader } from '../../support/proxy-header.js';
import type { OnLink, Row } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { hostPort } from '../../support/wire.js';

/** The balancer's own. */
const RESET: FlowSegment = { flags: 'R', window: 0, ip: { ttl: 64 } };

for (const way of PROXIED_WAYS) {
  const { shared, topology } = way;
  const name = (what: string) => `SYN proxy, ${way.way}: ${what}`;
  const added = (count = 1) => (shared ? { 'toa-added': count } : {});

  test(name('an open connection that expires is reset both ways, in the numbers of each'), () => {
    const on = proxiedRig(way, {}, { timeouts: { established: 5 } });
    const flow = new ProxiedFlow(on).settled();
    on.play([
      {
        what: 'an answer',
        in: flow.fromServer({ flags: 'PA', seq: 2, ack: 1, payload: 100 }),
        out: [flow.toClient({ flags: 'PA', seq: 2, ack: 1, payload: 100 })],
      },
      {
        what: 'nothing for five seconds',
        wait: 5000,
        out: [flow.toServer({ ...RESET, seq: 1 }), flow.toClient({ ...RESET, seq: 102 })],
        counters: { 'reset-on-expiry': 2 },
      },
    ]);
  });

  test(name('so is one on which the real server has said nothing but its SYN-ACK'), () => {
    const on = proxiedRig(way, {}, { timeouts: { established: 5 } });
    const flow = new ProxiedFlow(on).open();
    on.play([
      {
        what: 'nothing for five seconds',
        wait: 5000,
        out: [flow.toServer({ ...RESET, seq: 1 }), flow.toClient({ ...RESET, seq: 1 })],
        counters: { 'reset-on-expiry': 2 },
      },
    ]);
  });

  test(name('packets and bytes are counted, those of the handshake too'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on).begun();
    const total = () => on.balancer.statistics.snapshot().total;
    assert.equal(total().connections, 1);
    assert.equal(total().packetsIn, 0);
    on.send(...flow.synAck());
    assert.deepEqual([total().packetsIn, total().packetsOut], [1, 1], 'the ACK and the SYN-ACK');
    on.send(...flow.fromServer({ flags: 'PA', seq: 1, ack: 1, payload: 5 }));
    assert.equal(total().packetsOut, 2);
  });

  test(name('a GSO frame that waited goes on as it came, and big ones follow both ways'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on).begun();
    const gsoSize = 1000;
    const big = ([link, frame]: OnLink): OnLink => [link, frame.offload({ gsoSize })];
    const early: FlowSegment = { flags: 'PA', seq: 1, ack: 1, payload: 20_000 };
    const answer: FlowSegment = { flags: 'PA', seq: 1, ack: 20_001, payload: 30_000 };
    const later: FlowSegment = { flags: 'PA', seq: 20_001, ack: 30_001, payload: 9000 };
    on.play([
      { what: 'waits', in: big(flow.client(early)), out: [] },
      {
        what: 'goes',
        in: flow.synAck(),
        out: [flow.toServer(flow.withToa(HANDSHAKE_ACK)), big(flow.toServer(flow.withToa(early)))],
        counters: { 'syn-proxy-established': 1, ...added(2) },
      },
      { what: 'an answer', in: big(flow.fromServer(answer)), out: [big(flow.toClient(answer))] },
      { what: 'more', in: big(flow.client(later)), out: [big(flow.toServer(later))] },
    ]);
  });

  test(name('with deferUntilData the first data begins the connection'), () => {
    const on = proxiedRig(way, { deferUntilData: true });
    const flow = new ProxiedFlow(on);
    flow.cookie();
    on.play([
      {
        what: 'an ACK without data begins nothing',
        in: flow.client(HANDSHAKE_ACK),
        out: [],
        counters: { 'drop-syn-proxy-null-ack': 1 },
      },
    ]);
    const data: FlowSegment = { flags: 'PA', seq: 1, ack: 1, payload: pattern(300) };
    const [syn] = on.send(...flow.client(data));
    flow.learn(syn!);
    on.play([
      {
        what: 'the data that began it',
        in: flow.synAck(),
        out: [flow.toServer(flow.withToa(data))],
        counters: { 'syn-proxy-established': 1, ...added() },
      },
    ]);
  });

  test(name('without a real server or a local port the client is reset'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on);
    flow.cookie();
    const realServers = topology.realServers.map((address) => ({
      address,
      port: topology.serverPort,
      weight: 0,
    }));
    assert.equal(on.balancer.apply(proxiedConfig(way, {}, { realServers }), on.now).faults, undefined);
    on.play([
      {
        what: 'the ACK',
        in: flow.client(HANDSHAKE_ACK),
        out: [flow.toClient({ ...RESET, seq: 1 })],
        counters: { 'drop-no-real-server': 1, 'answer-reset': 1 },
      },
    ]);
    assert.equal(on.balancer.connections.count, 0);
  });

  test(name('an active connection counts at its real server from the handshake on'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on).begun();
    const server = on.balancer.services[0]!.realServers[flow.server]!;
    on.send(...flow.synAck());
    assert.deepEqual([server.active, server.inactive], [1, 0]);
    on.send(...flow.fromServer({ flags: 'RA', seq: 1, ack: 1 }));
    assert.deepEqual([server.active, server.inactive], [0, 1]);
  });

  if (shared) {
    test(name('a PROXY header goes ahead of what waited, in the numbers of the real server'), () => {
      const on = proxiedRig(way, {}, { clientAddress: 'proxy-v2' });
      const flow = new ProxiedFlow(on, {
        synOptions: [tcpOption.mss(1460), tcpOption.windowScale(2)],
        synAckOptions: [tcpOption.mss(1440)],
      }).begun({ ...HANDSHAKE_ACK, window: 500 });
      const vip = hostPort(topology.vip, topology.port);
      const header = proxyHeader(hostPort(flow.clientAddress, flow.clientPort), vip);
      const N = header.length;
      const request: FlowSegment = { flags: 'PA', seq: 1, ack: 1, window: 500, payload: 'GET' };
      const rows: Row[] = [
        { what: 'data waits', in: flow.client(request), out: [] },
        {
          what: 'the header, the ACK, the data: windows unscaled, as the real server has no scale',
          in: flow.synAck(),
          out: [
            flow.toServer({ flags: 'PA', seq: 1, ack: 1, window: 2000, payload: header, ip: { ttl: 64 } }),
            flow.toServer({ ...HANDSHAKE_ACK, seq: 1 + N, window: 2000 }),
            flow.toServer({ ...request, seq: 1 + N, window: 2000 }),
          ],
          counters: { 'syn-proxy-established': 1, 'proxy-header-sent': 1 },
        },
        {
          what: 'the header again while it is not acknowledged',
          wait: 1000,
          out: [
            flow.toServer({ flags: 'PA', seq: 1, ack: 1, window: 2000, payload: header, ip: { ttl: 64 } }),
          ],
          counters: { 'proxy-header-resent': 1 },
        },
        {
          what: 'an answer that acknowledges both',
          in: flow.fromServer({ flags: 'PA', seq: 1, ack: 4 + N, payload: 'OK', window: 1280 }),
          out: [flow.toClient({ flags: 'PA', seq: 1, ack: 4, payload: 'OK', window: 10 })],
        },
      ];
      on.play(rows);
    });
  }
}
