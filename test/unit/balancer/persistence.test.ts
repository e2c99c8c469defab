import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow } from '../../support/flow.js';
import { Rig, type RigOptions } from '../../support/rig.js';
import { configuration, IPV4, TOPOLOGIES, type Topology } from '../../support/topology.js';

type Service = NonNullable<RigOptions['service']>;

/** Short times, so that connections are over long before what remembers them. */
const FLEETING = { established: 5, synReceived: 5, synSent: 5, close: 1 };
const options = (topology: Topology, service: Service = {}): RigOptions => ({
  topology,
  service: { timeouts: FLEETING, persistence: { timeout: 100 }, ...service },
});
const serversOf = (rig: Rig) => rig.balancer.services[0]!.realServers;

/** Takes over another configuration, in which the service differs. */
function apply(rig: Rig, base: RigOptions, service: Service): void {
  const config = configuration(base.topology, { ...base, service: { ...base.service, ...service } });
  assert.ok('difference' in rig.balancer.apply(config, rig.now));
  rig.drain();
}

const weighted = (topology: Topology, weights: readonly number[]) =>
  topology.realServers.map((address, i) => ({ address, port: topology.serverPort, weight: weights[i]! }));

for (const topology of TOPOLOGIES) {
  const name = (what: string) => `IPv${topology.family}, persistence: ${what}`;

  test(name('a client gets the real server that it had, others get theirs in turn'), () => {
    const rig = new Rig(options(topology));
    const servers = [7, 7, 8, 7, 9, 8].map(
      (client, port) => new Flow(rig, { client, port: port + 1 }).open().server,
    );
    assert.deepEqual(servers, [0, 0, 1, 0, 0, 1]);
    assert.deepEqual(
      serversOf(rig).map(({ persistent }) => persistent),
      [2, 1],
    );
  });

  test(name('clients of one network are one where the prefix says so'), () => {
    const prefix = topology.family === 4 ? 24 : 112;
    const rig = new Rig(options(topology, { persistence: { timeout: 100, prefix } }));
    const servers = [1, 2, 3].map((client) => new Flow(rig, { client }).open().server);
    assert.deepEqual(servers, [0, 0, 0]);
    assert.equal(serversOf(rig)[0]!.persistent, 1);
  });

  test(name('a client is forgotten when its last connection is too long ago'), () => {
    const rig = new Rig(options(topology));
    assert.equal(new Flow(rig, { port: 1 }).syn().link, 1);
    rig.wait(90_000);
    assert.equal(rig.balancer.connections.count, 1, 'the template alone is left');
    assert.equal(new Flow(rig, { port: 2 }).open().server, 0, 'and starts anew with each connection');
    rig.wait(90_000);
    assert.equal(new Flow(rig, { port: 3 }).open().server, 0);
    rig.wait(102_000);
    assert.equal(rig.balancer.connections.count, 0);
    assert.equal(new Flow(rig, { port: 4 }).open().server, 1, 'the turn is where it was');
  });

  test(name('nobody is forgotten who still has a connection; it is looked at again each minute'), () => {
    const rig = new Rig(options(topology, { timeouts: { established: 1000 } }));
    const flow = new Flow(rig).settled();
    for (let i = 0; i < 5; i++) rig.wait(60_000);
    const [server] = serversOf(rig);
    assert.equal(server!.persistent, 1);
    rig.send(...flow.client({ flags: 'R', seq: 1 }));
    rig.wait(62_000);
    assert.equal(server!.persistent, 0);
    assert.equal(rig.balancer.connections.count, 0);
  });

  test(name('a quiesced real server goes on to get the clients that it had'), () => {
    const base = options(topology);
    const rig = new Rig(base);
    new Flow(rig, { port: 1 }).open();
    apply(rig, base, { realServers: weighted(topology, [0, 1]) });
    assert.equal(new Flow(rig, { port: 2 }).open().server, 0);
    assert.equal(new Flow(rig, { port: 3, client: 8 }).open().server, 1);
  });

  test(name('but none where the settings say so, and the client stays with the new one'), () => {
    const base = { ...options(topology), settings: { expireQuiescentTemplate: true } };
    const rig = new Rig(base);
    new Flow(rig, { port: 1 }).open();
    apply(rig, base, { realServers: weighted(topology, [0, 1]) });
    assert.equal(new Flow(rig, { port: 2 }).open().server, 1);
    apply(rig, base, { realServers: weighted(topology, [1, 1]) });
    assert.equal(new Flow(rig, { port: 3 }).open().server, 1);
    assert.deepEqual(
      serversOf(rig).map(({ persistent }) => persistent),
      [0, 1],
    );
  });

  test(name('a real server that was removed gets nobody back'), () => {
    const base = options(topology);
    const rig = new Rig(base);
    new Flow(rig, { port: 1 }).open();
    apply(rig, base, { realServers: weighted(topology, [1, 1]).slice(1) });
    assert.equal(new Flow(rig, { port: 2 }).open().server, 1);
    apply(rig, base, {});
    assert.equal(new Flow(rig, { port: 3 }).open().server, 1, 'not even when it comes back');
  });

  test(
    name('a SYN on a connection that is over keeps it: its real server was not chosen by a scheduler'),
    () => {
      const rig = new Rig(options(topology, { mode: 'nat' }));
      new Flow(rig, { port: 9 }).open();
      const flow = new Flow(rig).settled();
      rig.send(...flow.client({ flags: 'R', seq: 1 }));
      rig.play([{ what: 'SYN', in: flow.client({ flags: 'S' }), out: [flow.toServer({ flags: 'S' })] }]);
      assert.equal(rig.counter('connections-renewed'), 0);
    },
  );

  test(name('a table without room for a template forwards all the same, and counts it'), () => {
    const rig = new Rig({ ...options(topology), settings: { maxConnections: 3 } });
    new Flow(rig, { port: 1, client: 1 }).open();
    new Flow(rig, { port: 2, client: 2 }).open();
    assert.equal(rig.counter('persistence-table-full'), 1);
    assert.equal(rig.balancer.connections.count, 3);
    rig.wait(200_000);
    assert.equal(rig.balancer.connections.count, 0);
  });
}

test('persistence: services do not share what they remember', () => {
  const rig = new Rig({ ...options(IPV4), second: { port: 81 } });
  new Flow(rig, { port: 1, client: 1 }).open();
  assert.equal(new Flow(rig, { port: 1, client: 2 }).open().server, 1);
  assert.equal(new Flow(rig, { port: 2, client: 2, servicePort: 81 }).open().server, 0);
});
