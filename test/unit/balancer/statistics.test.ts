import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Estimator } from '../../../lib/balancer/statistics/estimator.js';
import type { TrafficStatistics } from '../../../lib/balancer/statistics/statistics.js';
import { BYTES_IN, CONNECTIONS, FIELDS } from '../../../lib/balancer/statistics/traffic.js';
import { Flow } from '../../support/flow.js';
import { Rig } from '../../support/rig.js';
import { configuration, TOPOLOGIES } from '../../support/topology.js';

/** What a field's rate is after each two seconds in which it grew by so much. */
function rates(field: number, growths: readonly number[]): number[] {
  const estimator = new Estimator();
  const totals = new Float64Array(FIELDS);
  return growths.map((growth) => {
    totals[field]! += growth;
    estimator.advance(totals);
    return estimator.rate(field);
  });
}

const steady = (growth: number, steps: number) => new Array<number>(steps).fill(growth);

/** Golden series: what net/netfilter/ipvs/ip_vs_est.c shows. */
const STEADY_CONNECTIONS = [12, 22, 29, 34, 38, 41, 43, 45, 46, 47, 48, 48, 49, 49, 49];
const BURST = [125, 94, 70, 53, 40, 30, 22, 17, 13, 9, 7, 5, 4, 3, 2, 2, 1];
const STEADY_BYTES = [125000, 218750, 289062, 341797, 381348, 411011, 433258, 449943];

test("the estimator's rates are those of Linux's IPVS", () => {
  assert.deepEqual(rates(CONNECTIONS, steady(100, STEADY_CONNECTIONS.length)), STEADY_CONNECTIONS);
  assert.deepEqual(rates(CONNECTIONS, [1000, ...steady(0, BURST.length - 1)]), BURST);
  assert.deepEqual(rates(BYTES_IN, steady(1_000_000, STEADY_BYTES.length)), STEADY_BYTES);
});

test('a rate of nothing comes to rest at 0', () => {
  assert.equal(rates(CONNECTIONS, [1000, ...steady(0, 40)]).at(-1), 0);
});

const counts = ({ connections, packetsIn, packetsOut, bytesIn, bytesOut }: TrafficStatistics) => ({
  connections,
  packetsIn,
  packetsOut,
  bytesIn,
  bytesOut,
});
const NOTHING = { connections: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 };

for (const topology of TOPOLOGIES) {
  const { family, ipHeader } = topology;
  const name = (what: string) => `IPv${family}: ${what}`;
  const bare = ipHeader + 20;

  test(name('packets and bytes are counted as they came in, by real server, service and in all'), () => {
    const rig = new Rig({ topology, service: { toa: { on: ['syn', 'ack'] } } });
    const flow = new Flow(rig).open();
    rig.send(...flow.client({ flags: 'PA', seq: 1, ack: 1, payload: 100 }));
    rig.send(...flow.fromServer({ flags: 'PA', seq: 1, ack: 101, payload: 1000 }));
    assert.ok(rig.counter('toa-added') > 0);
    const { total, services } = rig.balancer.statistics.snapshot();
    const wanted = {
      connections: 1,
      packetsIn: 3,
      packetsOut: 2,
      bytesIn: 3 * bare + 100,
      bytesOut: 2 * bare + 1000,
    };
    assert.deepEqual(counts(total), wanted);
    assert.deepEqual(
      services.map(({ traffic, realServers }) => [
        counts(traffic),
        realServers.map((each) => counts(each.traffic)),
      ]),
      [[wanted, [wanted, NOTHING]]],
    );
  });

  test(name('a tunnel’s outer header does not count'), () => {
    const rig = new Rig({ topology, service: { mode: 'tun' } });
    new Flow(rig).open();
    const { total } = rig.balancer.statistics.snapshot();
    assert.deepEqual(counts(total), { ...NOTHING, connections: 1, packetsIn: 2, bytesIn: 2 * bare });
  });

  test(name('what is dropped does not count, nor what is for a removed real server'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).open();
    const before = counts(rig.balancer.statistics.snapshot().total);
    rig.send(...flow.client({ flags: 'A', seq: 1, ack: 1, ip: { ttl: 1 } }));
    rig.balancer.apply(configuration(topology, { service: { realServers: [] } }), rig.now);
    rig.send(...flow.client({ flags: 'A', seq: 1, ack: 1 }));
    assert.deepEqual(counts(rig.balancer.statistics.snapshot().total), before);
  });

  test(name('the counts of what is gone stay with what it belonged to'), () => {
    const rig = new Rig({ topology });
    for (const port of [1, 2]) new Flow(rig, { port }).open();
    rig.wait(200_000);
    const all = counts(rig.balancer.statistics.snapshot().total);
    const [, second] = topology.realServers.map((address) => ({ address, port: topology.serverPort }));
    rig.balancer.apply(configuration(topology, { service: { realServers: [second!] } }), rig.now);
    const { total, services } = rig.balancer.statistics.snapshot();
    assert.deepEqual(counts(total), all);
    assert.deepEqual(counts(services[0]!.traffic), all);
    assert.equal(services[0]!.realServers.length, 1);
    assert.equal(services[0]!.realServers[0]!.traffic.connections, 1);

    rig.balancer.apply({ ...configuration(topology), services: [] }, rig.now);
    assert.deepEqual(counts(rig.balancer.statistics.snapshot().total), all);
    rig.balancer.apply(configuration(topology), rig.now);
    const anew = rig.balancer.statistics.snapshot();
    assert.deepEqual(counts(anew.total), all);
    assert.deepEqual(counts(anew.services[0]!.traffic), NOTHING, 'it is another service now');
  });
}

test('rates move every two seconds, and a reset begins counts and rates anew', () => {
  const [topology] = TOPOLOGIES;
  const rig = new Rig({ topology });
  let port = 1000;
  const shown = STEADY_CONNECTIONS.slice(0, 5).map(() => {
    for (let i = 0; i < 100; i++) rig.send(...new Flow(rig, { port: port++ }).client({ flags: 'S' }));
    rig.wait(2000);
    const { total, services } = rig.balancer.statistics.snapshot();
    assert.equal(services[0]!.traffic.connectionsPerSecond, total.connectionsPerSecond);
    return total.connectionsPerSecond;
  });
  assert.deepEqual(shown, STEADY_CONNECTIONS.slice(0, 5));
  rig.balancer.statistics.reset();
  const { total, services } = rig.balancer.statistics.snapshot();
  for (const traffic of [total, services[0]!.traffic, services[0]!.realServers[0]!.traffic]) {
    assert.deepEqual(new Set(Object.values(traffic)), new Set([0]));
  }
  rig.send(...new Flow(rig, { port: port++ }).client({ flags: 'S' }));
  assert.equal(rig.balancer.statistics.snapshot().total.connections, 1);
});
