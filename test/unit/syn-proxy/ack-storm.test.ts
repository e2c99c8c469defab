import { test } from 'node:test';
import type { FlowSegment } from '../../support/flow.js';
import { PROXIED_WAYS, ProxiedFlow, proxiedRig } from '../../support/proxied-flow.js';
import type { Row } from '../../support/rig.js';
import { tcpOption } from '../../support/tcp-segment.js';

const STORM = { 'drop-syn-proxy-ack-storm': 1 };

for (const way of PROXIED_WAYS) {
  const name = (what: string) => `SYN proxy, ${way.way}: ${what}`;
  const passes = (flow: ProxiedFlow, what: string, segment: FlowSegment): Row => ({
    what,
    in: flow.fromServer(segment),
    out: [flow.toClient(segment)],
  });
  const dropped = (flow: ProxiedFlow, what: string, segment: FlowSegment): Row => ({
    what,
    in: flow.fromServer(segment),
    out: [],
    counters: STORM,
  });
  const same: FlowSegment = { flags: 'A', seq: 2, ack: 1, window: 100 };

  test(name('ten equal ACKs of a real server pass; another one, or a pause, begins the count anew'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on).settled();
    const ten = Array.from({ length: 10 }, (_, i) => passes(flow, `the ${i + 1}th`, same));
    const others: [string, FlowSegment][] = [
      ['another acknowledgment', { ...same, ack: 2 }],
      ['another sequence number', { ...same, seq: 3 }],
      ['another window', { ...same, window: 101 }],
      ['data', { ...same, payload: 'x' }],
      ['an end', { ...same, flags: 'FA' }],
    ];
    on.play([...ten, dropped(flow, 'the 11th', same), dropped(flow, 'the 12th', same)]);
    for (const [what, segment] of others) {
      on.play([
        passes(flow, what, segment),
        ...ten.slice(0, segment.payload === 'x' || segment.flags === 'FA' ? 9 : 10),
      ]);
      on.play([dropped(flow, `the 11th after ${what}`, same)]);
    }
    on.play([
      { ...passes(flow, 'after three quarters of a second', same), wait: 750 },
      ...ten.slice(1),
      dropped(flow, 'the 11th after the pause', same),
    ]);
  });

  test(name('keep-alive and window probes, a second apart, are never too many'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on).settled();
    for (let i = 0; i < 30; i++) on.play([{ ...passes(flow, `${i}`, same), wait: 1000 }]);
  });

  test(name('data and selective acknowledgments are never too many'), () => {
    const on = proxiedRig(way);
    const flow = new ProxiedFlow(on).settled();
    const edges = (isn: number) => [
      tcpOption.nop,
      tcpOption.nop,
      tcpOption.sack((isn + 9) >>> 0, (isn + 19) >>> 0),
    ];
    const data: FlowSegment = { flags: 'PA', seq: 2, ack: 1, payload: 'again' };
    for (let i = 0; i < 30; i++) {
      on.play([
        passes(flow, 'data', data),
        {
          what: 'a block',
          in: flow.fromServer({ ...same, options: edges(flow.balancerIsn) }),
          out: [flow.toClient({ ...same, options: edges(flow.clientIsn) })],
        },
      ]);
    }
  });

  test(name('the threshold is a setting, and 0 lets all pass'), () => {
    const two = proxiedRig(way, { ackStormThreshold: 2 });
    const flow = new ProxiedFlow(two).settled();
    two.play([passes(flow, '1', same), passes(flow, '2', same), dropped(flow, '3', same)]);
    const off = proxiedRig(way, { ackStormThreshold: 0 });
    const other = new ProxiedFlow(off).settled();
    for (let i = 0; i < 100; i++) off.play([passes(other, `${i}`, same)]);
  });
}
