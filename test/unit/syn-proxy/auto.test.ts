import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SynProxyConfig } from '../../../lib/balancer/config/model.js';
import { Flow } from '../../support/flow.js';
import { Rig } from '../../support/rig.js';
import { configuration, INSIDE, IPV4, TOPOLOGIES, type Topology } from '../../support/topology.js';

/** On with the twelfth half-open connection; off again with two or less. */
const AUTO: SynProxyConfig = { mode: 'auto', halfOpenHigh: 10, halfOpenLow: 2 };
/** Seconds that a connection stays half open. */
const LIFETIME = 30;

let port = 1;

const rigOf = (topology: Topology, synProxy = AUTO) =>
  new Rig({ topology, service: { synProxy, timeouts: { synReceived: LIFETIME } } });

/** A SYN of a new client; `undefined` where it was answered, else its connection, half open. */
function knock(rig: Rig): Flow | undefined {
  const flow = new Flow(rig, { port: port++ });
  const sent = rig.send(...flow.client({ flags: 'S' }))[0]!;
  if (sent.link !== INSIDE) return undefined;
  flow.learn(sent);
  return flow;
}

const knocks = (rig: Rig, count: number) => Array.from({ length: count }, () => knock(rig));

/** What the statistics say. */
function stateOf(rig: Rig): [on: boolean, halfOpen: number] {
  const { isOn, pressure } = rig.balancer.statistics.snapshot().services[0]!.service.synProtection;
  return [isOn, pressure];
}

for (const topology of TOPOLOGIES) {
  const name = (what: string) => `IPv${topology.family}: ${what}`;

  test(name('auto answers SYNs from the moment on that too many connections are half open'), () => {
    const rig = rigOf(topology);
    assert.ok(knocks(rig, 11).every((flow) => flow !== undefined));
    assert.deepEqual(stateOf(rig), [false, 11]);
    assert.equal(rig.counter('syn-proxy-auto-on'), 0);
    assert.ok(knocks(rig, 50).every((flow) => flow === undefined));
    assert.deepEqual(stateOf(rig), [true, 11]);
    assert.equal(rig.counter('syn-proxy-auto-on'), 1);
    assert.equal(rig.counter('syn-proxy-syn'), 50);
    assert.equal(rig.balancer.connections.count, 11);
  });

  test(name('connections that are not half open do not count, however they came to be so'), () => {
    const rig = rigOf(topology);
    const open = (flow: Flow) => {
      rig.send(...flow.fromServer({ flags: 'SA', ack: 1 }));
      rig.send(...flow.client({ flags: 'A', seq: 1, ack: 1 }));
    };
    const flows = knocks(rig, 11) as Flow[];
    flows.slice(0, 5).forEach(open);
    assert.deepEqual(stateOf(rig), [false, 6]);
    for (const flow of flows.slice(5, 8)) rig.send(...flow.fromServer({ flags: 'RA', ack: 1 }));
    assert.deepEqual(stateOf(rig), [false, 3]);
    rig.wait(LIFETIME * 1000 + 1000);
    assert.deepEqual(stateOf(rig), [false, 0], 'those that expired');
    assert.ok(knocks(rig, 11).every((flow) => flow !== undefined));
    assert.equal(rig.counter('syn-proxy-auto-on'), 0);
  });

  test(name('it goes on for as long as SYNs come that nobody stands behind'), () => {
    const rig = rigOf(topology);
    knocks(rig, 12);
    for (let second = 0; second < 60; second++) {
      rig.wait(1000);
      assert.ok(knocks(rig, 2).every((flow) => flow === undefined));
    }
    assert.deepEqual(stateOf(rig), [true, 2 * LIFETIME], 'as many as there would be without it');
    assert.equal(rig.balancer.connections.count, 0);
  });

  test(name('it ends when less than the lower threshold would be half open for ten seconds'), () => {
    const rig = rigOf(topology);
    knocks(rig, 12);
    rig.wait(9000);
    assert.ok(stateOf(rig)[0]);
    rig.wait(40_000);
    assert.deepEqual(stateOf(rig), [false, 0]);
    assert.equal(rig.counter('syn-proxy-auto-off'), 1);
    assert.ok(
      knocks(rig, 11).every((flow) => flow !== undefined),
      'SYNs go on',
    );
    assert.equal(knock(rig), undefined, 'and it can begin anew');
    assert.equal(rig.counter('syn-proxy-auto-on'), 2);
  });

  test(name('clients that end their handshakes do not keep it on'), () => {
    const rig = rigOf(topology);
    knocks(rig, 12);
    for (let second = 0; second < 60; second++) {
      rig.wait(1000);
      for (let client = 0; client < 5; client++) shakeHands(rig);
    }
    assert.deepEqual([rig.counter('syn-proxy-auto-on'), rig.counter('syn-proxy-auto-off')], [1, 1]);
    assert.equal(stateOf(rig)[0], false);
  });
}

/** A client that has its handshake with whoever answers. */
function shakeHands(rig: Rig): void {
  const client = port++;
  const sent = rig.send(...new Flow(rig, { port: client }).client({ flags: 'S' }))[0]!;
  if (sent.link === INSIDE) {
    const flow = new Flow(rig, { port: client });
    flow.learn(sent);
    rig.send(...flow.fromServer({ flags: 'SA', ack: 1 }));
    rig.send(...flow.client({ flags: 'A', seq: 1, ack: 1 }));
    return;
  }
  const flow = new Flow(rig, { port: client, serverIsn: sent.decoded.tcp!.seq });
  rig.send(...flow.client({ flags: 'A', seq: 1, ack: 1 }));
}

test('each service has its own threshold', () => {
  const rig = new Rig({ topology: IPV4, service: { synProxy: AUTO }, second: { port: 81, synProxy: AUTO } });
  knocks(rig, 12);
  const [first, second] = rig.balancer.services;
  assert.deepEqual([first?.synProtection.isOn, second?.synProtection.isOn], [true, false]);
  const sent = rig.send(...new Flow(rig, { servicePort: 81 }).client({ flags: 'S' }));
  assert.equal(sent[0]?.link, INSIDE);
});

test('another mode ends it, and the same with other thresholds does not', () => {
  const rig = rigOf(IPV4);
  knocks(rig, 12);
  const apply = (synProxy: SynProxyConfig) =>
    rig.balancer.apply(configuration(IPV4, { service: { synProxy } }), rig.now);
  apply({ ...AUTO, halfOpenHigh: 11 });
  assert.equal(knock(rig), undefined);
  apply({ ...AUTO, mode: 'off' });
  assert.ok(knock(rig));
  apply({ ...AUTO, mode: 'auto', halfOpenHigh: 100 });
  assert.ok(knock(rig));
  apply({ ...AUTO, mode: 'on' });
  assert.deepEqual([knock(rig), stateOf(rig)[0]], [undefined, true]);
});
