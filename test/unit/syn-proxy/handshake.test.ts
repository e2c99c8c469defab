import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowSegment } from '../../support/flow.js';
import { HANDSHAKE_ACK, ProxiedFlow } from '../../support/proxied-flow.js';
import { Rig, type RigOptions, type Row } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';
import { IPV4, IPV6, NAT64 } from '../../support/topology.js';

/** Where both directions cross the balancer. */
const WAYS: readonly (RigOptions & { readonly way: string })[] = [
  { way: 'FULLNAT over IPv4', topology: IPV4 },
  { way: 'FULLNAT over IPv6', topology: IPV6 },
  { way: 'NAT64', topology: NAT64 },
  { way: 'NAT over IPv4', topology: IPV4, service: { mode: 'nat' } },
  { way: 'NAT over IPv6', topology: IPV6, service: { mode: 'nat' } },
];

/** Our SYN for a client that offers nothing but an MSS. */
const OUR_SYN: FlowSegment = { flags: 'S', window: 5000 };

for (const { way, topology, service } of WAYS) {
  const name = (what: string) => `SYN proxy, ${way}: ${what}`;
  const rig = (synProxy = {}) => new Rig({ topology, service: { ...service, synProxy } });
  const shared = service?.mode !== 'nat';
  const mss = topology.family === 4 ? 1452 : 1420;
  const synOptions = [tcpOption.mss(1460)];
  const synAckOptions = [tcpOption.mss(1460)];
  const flowOn = (on: Rig, options = {}) => new ProxiedFlow(on, { synOptions, synAckOptions, ...options });
  /** A segment as the real server must get it while the option is due. */
  const withToa = (flow: ProxiedFlow, segment: FlowSegment): FlowSegment =>
    shared ? { ...segment, options: [flow.toa, ...(segment.options ?? [])] } : segment;
  const added = shared ? { 'toa-added': 1 } : {};

  test(
    name('the ACK brings the cookie back, the real server gets a SYN, and both are brought together'),
    () => {
      const on = rig();
      const flow = flowOn(on);
      flow.cookie();
      assert.equal(on.balancer.connections.count, 0, 'a SYN leaves nothing');
      const [syn] = on.send(...flow.client({ ...HANDSHAKE_ACK, window: 501 }));
      assert.ok(syn !== undefined);
      flow.learn(syn);
      const options = [tcpOption.mss(mss)];
      on.expect('our SYN', [syn], [flow.toServer({ ...OUR_SYN, options, ip: { ttl: 63 } })]);
      if (!shared) assert.equal(flow.balancerIsn, flow.clientIsn);
      assert.equal(on.balancer.connections.count, 1);
      on.play([
        {
          what: "the real server's SYN-ACK goes no further: the client's ACK does",
          in: flow.synAck(),
          out: [flow.toServer(withToa(flow, { ...HANDSHAKE_ACK, window: 501 }))],
          counters: { 'syn-proxy-established': 1, ...added },
        },
        {
          what: 'a request',
          in: flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 'GET /' }),
          out: [flow.toServer(withToa(flow, { flags: 'PA', seq: 1, ack: 1, payload: 'GET /' }))],
          counters: added,
        },
        {
          what: 'an answer',
          in: flow.fromServer({ flags: 'PA', seq: 1, ack: 6, payload: 'HTTP' }),
          out: [flow.toClient({ flags: 'PA', seq: 1, ack: 6, payload: 'HTTP' })],
        },
        {
          what: "the client's acknowledgment: the option is due no longer",
          in: flow.client({ flags: 'A', seq: 6, ack: 5 }),
          out: [flow.toServer({ flags: 'A', seq: 6, ack: 5 })],
        },
        {
          what: 'selective acknowledgments of the client',
          in: flow.client({
            flags: 'A',
            seq: 6,
            ack: 5,
            options: [sack(flow.toldIsn + 9, flow.toldIsn + 19)],
          }),
          out: [
            flow.toServer({
              flags: 'A',
              seq: 6,
              ack: 5,
              options: [sack(flow.serverIsn + 9, flow.serverIsn + 19)],
            }),
          ],
        },
        {
          what: 'selective acknowledgments of the real server',
          in: flow.fromServer({
            flags: 'A',
            seq: 5,
            ack: 6,
            options: [sack(flow.balancerIsn + 9, flow.balancerIsn + 19)],
          }),
          out: [
            flow.toClient({
              flags: 'A',
              seq: 5,
              ack: 6,
              options: [sack(flow.clientIsn + 9, flow.clientIsn + 19)],
            }),
          ],
        },
        {
          what: 'the end',
          in: flow.client({ flags: 'FA', seq: 6, ack: 5 }),
          out: [flow.toServer({ flags: 'FA', seq: 6, ack: 5 })],
        },
        {
          what: 'a reset of the real server',
          in: flow.fromServer({ flags: 'R', seq: 5 }),
          out: [flow.toClient({ flags: 'R', seq: 5 })],
        },
      ]);
    },
  );

  test(name('what the client sends before the real server answers waits, and comes in order'), () => {
    const on = rig();
    const flow = flowOn(on).begun();
    const data = (seq: number): FlowSegment => ({ flags: 'PA', seq, ack: 1, payload: `line ${seq}` });
    const last: FlowSegment = { flags: 'FA', seq: 21, ack: 1 };
    on.play([
      { what: 'data waits', in: flow.client(data(1)), out: [] },
      { what: 'and more', in: flow.client(data(7)), out: [] },
      {
        what: 'a segment without an ACK fits no handshake',
        in: flow.client({ flags: 'P', seq: 13, payload: 'x' }),
        out: [],
        counters: { 'drop-syn-proxy-unexpected': 1 },
      },
      { what: 'an end waits too', in: flow.client(last), out: [] },
      {
        what: 'four wait at most',
        in: flow.client(data(13)),
        out: [],
        counters: { 'drop-syn-proxy-queue-full': 1 },
      },
      {
        what: 'they go in the order in which they came',
        in: flow.synAck(),
        out: [HANDSHAKE_ACK, data(1), data(7), last].map((each) => flow.toServer(withToa(flow, each))),
        counters: { 'syn-proxy-established': 1, ...(shared && { 'toa-added': 4 }) },
      },
    ]);
  });

  test(
    name('a real server that does not answer is asked again after 3, 6 and 9 seconds, then given up'),
    () => {
      const on = rig();
      const flow = flowOn(on).begun();
      const again = { out: [flow.toServer({ ...OUR_SYN, options: [tcpOption.mss(mss)] })] };
      const row = (what: string): Row => ({
        what,
        wait: 3000,
        ...again,
        counters: { 'syn-proxy-resent': 1 },
      });
      const reset: FlowSegment = { flags: 'R', window: 0, ip: { ttl: 64 } };
      on.play([
        row('after 3 seconds'),
        row('after 6'),
        row('after 9'),
        {
          what: 'both sides are told',
          wait: 3000,
          out: [flow.toServer({ ...reset, seq: 1 }), flow.toClient({ ...reset, seq: 1 })],
          counters: { 'syn-proxy-given-up': 1, 'reset-on-expiry': 2 },
        },
      ]);
      assert.equal(on.balancer.connections.count, 0);
    },
  );

  test(name('a real server that refuses refuses the client'), () => {
    const on = rig();
    const flow = flowOn(on).begun();
    on.play([
      {
        what: 'its RST comes with the number that the client expects',
        in: flow.fromServer({ flags: 'RA', seq: -flow.serverIsn, ack: 1, window: 0 }),
        out: [flow.toClient({ flags: 'RA', seq: 1, ack: 1, window: 0 })],
        counters: { 'syn-proxy-refused': 1 },
      },
      { what: 'nothing is sent again', wait: 10_250, out: [] },
    ]);
    assert.equal(on.balancer.connections.count, 0, 'CLOSE is over');
  });
}

/** One block of sequence numbers, at a whole word. */
function sack(from: number, to: number): Uint8Array {
  return Uint8Array.of(1, 1, ...tcpOption.sack(from >>> 0, to >>> 0));
}
