import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowSegment } from '../../support/flow.js';
import { HANDSHAKE_ACK, OUR_SYN, PROXIED_WAYS, ProxiedFlow, proxiedRig } from '../../support/proxied-flow.js';
import type { Row } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';

for (const way of PROXIED_WAYS) {
  const { shared, mss } = way;
  const name = (what: string) => `SYN proxy, ${way.way}: ${what}`;
  const added = shared ? { 'toa-added': 1 } : {};

  test(
    name('the ACK brings the cookie back, the real server gets a SYN, and both are brought together'),
    () => {
      const on = proxiedRig(way);
      const flow = new ProxiedFlow(on);
      flow.cookie();
      assert.equal(on.balancer.connections.count, 0, 'a SYN leaves nothing');
      const [syn] = on.send(...flow.client({ ...HANDSHAKE_ACK, window: 501 }));
      assert.ok(syn !== undefined);
      flow.learn(syn);
      const options = [tcpOption.mss(mss)];
      on.expect('our SYN', [syn], [flow.toServer({ ...OUR_SYN, options })]);
      if (!shared) assert.equal(flow.balancerIsn, flow.clientIsn);
      assert.equal(on.balancer.connections.count, 1);
      on.play([
        {
          what: "the real server's SYN-ACK goes no further: the client's ACK does",
          in: flow.synAck(),
          out: [flow.toServer(flow.withToa({ ...HANDSHAKE_ACK, window: 501 }))],
          counters: { 'syn-proxy-established': 1, ...added },
        },
        {
          what: 'a request',
          in: flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 'GET /' }),
          out: [flow.toServer(flow.withToa({ flags: 'PA', seq: 1, ack: 1, payload: 'GET /' }))],
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
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on).begun();
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
        out: [HANDSHAKE_ACK, data(1), data(7), last].map((each) => flow.toServer(flow.withToa(each))),
        counters: { 'syn-proxy-established': 1, ...(shared && { 'toa-added': 4 }) },
      },
    ]);
  });

  test(
    name('a real server that does not answer is asked again after 3, 6 and 9 seconds, then given up'),
    () => {
      const on = proxiedRig(way);
      const flow = new ProxiedFlow(on).begun();
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
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on).begun();
    on.play([
      {
        what: 'its RST comes with the number that the client expects',
        in: flow.fromServer({ flags: 'RA', seq: -flow.serverIsn, ack: 1, window: 0 }),
        out: [flow.toClient({ flags: 'RA', seq: 1, ack: 1, window: 0 })],
        counters: { 'syn-proxy-refused': 1 },
      },
      {
        what: 'data that crosses it goes to who refuses',
        in: flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 1000 }),
        out: [flow.toServer({ flags: 'PA', seq: 1, ack: -flow.serverIsn, payload: 1000 })],
      },
      { what: 'nothing is sent again', wait: 10_250, out: [] },
    ]);
    assert.equal(on.balancer.connections.count, 0, 'CLOSE is over');
  });

  test(
    name('all that the cookie tells is in our SYN, and the option where the service wants it on SYNs'),
    () => {
      const synOptions = [
        tcpOption.mss(1300),
        tcpOption.sackPermitted,
        tcpOption.nop,
        tcpOption.windowScale(9),
      ];
      const on = proxiedRig(way, {}, shared ? { toa: { on: ['syn'] } } : {});
      const flow = new ProxiedFlow(on, { synOptions });
      flow.cookie();
      const [syn] = on.send(...flow.client(HANDSHAKE_ACK));
      flow.learn(syn!);
      const { mss, sackPermitted, nop, windowScale } = tcpOption;
      const options = [mss(1280), sackPermitted, nop, nop, nop, windowScale(9)];
      on.expect('our SYN', [syn!], [flow.toServer(flow.withToa({ ...OUR_SYN, options }))]);
      on.play([
        {
          what: 'what comes later has no option then',
          in: flow.synAck(),
          out: [flow.toServer(HANDSHAKE_ACK)],
          counters: { 'syn-proxy-established': 1 },
        },
      ]);
    },
  );
}

/** One block of sequence numbers, at a whole word. */
function sack(from: number, to: number): Uint8Array {
  return Uint8Array.of(1, 1, ...tcpOption.sack(from >>> 0, to >>> 0));
}
