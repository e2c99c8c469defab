import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FROM_CLIENT,
  FROM_SERVER,
  nextTcpState,
  ONE_WAY,
  STATES,
} from '../../../lib/balancer/connection/state.js';
import { NEXT_STATES, SHORT } from '../../model/tcp-states.js';
import { Flow } from '../../support/flow.js';
import { Rig } from '../../support/rig.js';
import { TOPOLOGIES } from '../../support/topology.js';

const SENDERS = [FROM_CLIENT, FROM_SERVER, ONE_WAY];
const FLAGS = { S: 2, F: 1, A: 16, R: 4 };

test('each state follows from the one before, the flags and the direction, as in IPVS', () => {
  const rows = NEXT_STATES.trim().split('\n');
  assert.equal(rows.length, STATES.indexOf('udp'));
  for (const [state, row] of rows.entries()) {
    const cells = row.trim().split(/\s+/).slice(1);
    for (const [column, cell] of cells.entries()) {
      const flag = 'SFAR'[column % 4] as keyof typeof FLAGS;
      const next = nextTcpState(state, FLAGS[flag], SENDERS[column >> 2]!);
      assert.equal(SHORT[next], cell, `${STATES[state]}, ${flag} in column ${column}`);
    }
  }
});

test('among several flags RST counts most, then SYN, FIN and ACK; none at all closes', () => {
  const after = (flags: number) => SHORT[nextTcpState(STATES.indexOf('established'), flags, FROM_CLIENT)];
  assert.equal(after(FLAGS.R | FLAGS.S | FLAGS.F | FLAGS.A), 'CL');
  assert.equal(after(FLAGS.S | FLAGS.F | FLAGS.A), 'ES');
  assert.equal(after(FLAGS.F | FLAGS.A), 'CW');
  assert.equal(after(0), 'CL');
});

type Step = readonly [from: 'client' | 'server', flags: string, seq: number, ack?: number];
const CLIENT_CLOSES: readonly Step[] = [
  ['client', 'FA', 1, 2],
  ['server', 'A', 2, 2],
  ['server', 'FA', 2, 2],
  ['client', 'A', 2, 3],
];
const SERVER_CLOSES: readonly Step[] = [
  ['server', 'FA', 2, 1],
  ['client', 'A', 1, 3],
  ['client', 'FA', 1, 3],
  ['server', 'A', 3, 2],
];

/** How far a connection is walked, and after how many seconds without a packet it is gone (ALI's table). */
const WALKS: readonly {
  what: string;
  begin: 'syn' | 'half' | 'open' | 'settled';
  steps: readonly Step[];
  seconds: number;
}[] = [
  { what: 'SYN seen: SYN_RECV', begin: 'syn', steps: [], seconds: 30 },
  { what: 'SYN-ACK seen: SYN_RECV', begin: 'half', steps: [], seconds: 30 },
  { what: 'handshake done: ESTABLISHED', begin: 'open', steps: [], seconds: 90 },
  { what: "the client's FIN: CLOSE_WAIT", begin: 'settled', steps: CLIENT_CLOSES.slice(0, 2), seconds: 7 },
  { what: 'both FINs: TIME_WAIT', begin: 'settled', steps: CLIENT_CLOSES, seconds: 7 },
  { what: "the server's FIN: FIN_WAIT", begin: 'settled', steps: SERVER_CLOSES.slice(0, 2), seconds: 7 },
  {
    what: "the server's FIN, then the client's: TIME_WAIT",
    begin: 'settled',
    steps: SERVER_CLOSES,
    seconds: 7,
  },
  { what: 'the server refuses: CLOSE', begin: 'syn', steps: [['server', 'RA', 0, 1]], seconds: 3 },
  {
    what: 'the client resets before the handshake is done: still SYN_RECV',
    begin: 'half',
    steps: [['client', 'R', 1]],
    seconds: 30,
  },
  { what: 'the client resets: CLOSE', begin: 'settled', steps: [['client', 'R', 1]], seconds: 3 },
  { what: 'the server resets: CLOSE', begin: 'settled', steps: [['server', 'R', 2]], seconds: 3 },
  {
    what: 'a SYN within the connection: ESTABLISHED',
    begin: 'settled',
    steps: [['client', 'S', 0]],
    seconds: 90,
  },
  {
    what: 'data and FIN complete the handshake: TIME_WAIT',
    begin: 'half',
    steps: [['client', 'FPA', 1, 1]],
    seconds: 7,
  },
];

for (const topology of TOPOLOGIES) {
  const name = (what: string) => `IPv${topology.family}: ${what}`;

  const walk = (rig: Rig, begin: (typeof WALKS)[number]['begin'], steps: readonly Step[]) => {
    const flow = new Flow(rig);
    flow[begin]();
    for (const [from, flags, seq, ack] of steps) {
      const segment = { flags, seq, ...(ack !== undefined && { ack }) };
      const sent = rig.send(...(from === 'client' ? flow.client(segment) : flow.fromServer(segment)));
      assert.equal(sent.length, 1, `${flags} from the ${from} passes`);
    }
    return flow;
  };

  for (const { what, begin, steps, seconds } of WALKS) {
    test(name(`${what}, forgotten after ${seconds} s`), () => {
      const rig = new Rig({ topology });
      walk(rig, begin, steps);
      rig.wait(seconds * 1000 - 500);
      assert.equal(rig.balancer.connections.count, 1, 'not before');
      rig.wait(2000);
      assert.equal(rig.balancer.connections.count, 0, 'and then');
      assert.equal(rig.counter('connections-expired'), 1);
    });
  }

  test(name('every packet starts the time anew'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    for (let i = 0; i < 5; i++) {
      rig.wait(80_000);
      const segment = { flags: 'A', seq: 1, ack: 2 };
      rig.play([{ what: 'still known', in: flow.client(segment), out: [flow.toServer(segment)] }]);
    }
  });

  test(name("a service's own timeouts are used"), () => {
    const timeouts = { established: 5, synReceived: 2, closeWait: 12, close: 1 };
    const rows = [
      ['open', [], 5],
      ['syn', [], 2],
      ['settled', CLIENT_CLOSES.slice(0, 1), 12],
      ['settled', [['client', 'R', 1]], 1],
    ] as const;
    for (const [begin, steps, seconds] of rows) {
      const rig = new Rig({ topology, service: { timeouts } });
      walk(rig, begin, steps);
      rig.wait(seconds * 1000 - 500);
      assert.equal(rig.balancer.connections.count, 1);
      rig.wait(2000);
      assert.equal(rig.balancer.connections.count, 0);
    }
  });

  test(name('an established connection that expires is reset both ways, others go in silence'), () => {
    const rig = new Rig({ topology });
    const flow = new Flow(rig).settled();
    rig.send(...flow.client({ flags: 'PA', seq: 1, ack: 2, payload: 10 }));
    rig.send(...flow.fromServer({ flags: 'PA', seq: 2, ack: 11, payload: 5 }));
    // What the server repeats moves nothing back: a keep-alive probe, a retransmission.
    rig.send(...flow.fromServer({ flags: 'A', seq: 6, ack: 11 }));
    rig.send(...flow.fromServer({ flags: 'PA', seq: 2, ack: 11, payload: 2 }));
    const reset = { flags: 'R', window: 0, ip: { ttl: 64 } };
    const sent = rig.wait(92_000);
    rig.expect(
      'both ends',
      sent.sort((a, b) => b.link - a.link),
      [flow.toServer({ ...reset, seq: 11 }), flow.toClient({ ...reset, seq: 7 })],
    );
    assert.equal(rig.counter('reset-on-expiry'), 2);
    new Flow(rig, { port: 2 }).half();
    assert.deepEqual(rig.wait(60_000), []);
    const silent = new Rig({ topology, settings: { resetOnExpiry: false } });
    new Flow(silent).settled();
    assert.deepEqual(silent.wait(92_000), []);
    assert.equal(silent.balancer.connections.count, 0);
  });

  test(name('a thousand connections that expire at once are all reset both ways'), () => {
    const rig = new Rig({ topology });
    for (let port = 1; port <= 1000; port++) new Flow(rig, { port }).open();
    const resets = rig.wait(92_000).filter(({ decoded }) => decoded.tcp?.flags === 'R');
    assert.equal(resets.length, 2000);
    assert.equal(rig.counter('reset-on-expiry'), 2000);
    assert.equal(rig.balancer.connections.count, 0);
  });

  test(
    name('connections that expire at once do so a few at a time, and packets of others pass in between'),
    () => {
      const rig = new Rig({ topology });
      for (let port = 1; port <= 1000; port++) rig.send(...new Flow(rig, { port }).client({ flags: 'S' }));
      const flow = new Flow(rig, { port: 2000 }).settled();
      const { connections } = rig.balancer;
      rig.now += 31_000;
      let calls = 0;
      for (let more = true; more; calls++) {
        const before = connections.count;
        more = rig.balancer.advance(rig.now);
        assert.ok(before - connections.count <= 64, `${before - connections.count} at once`);
        rig.drain();
        const data = { flags: 'A', seq: 1, ack: 2 };
        rig.play([{ what: 'of another', in: flow.client(data), out: [flow.toServer(data)] }]);
      }
      assert.ok(calls >= 1000 / 64);
      assert.equal(connections.count, 1);
    },
  );

  test(name('many connections expire, and their local ports come back'), () => {
    const [address] = topology.realServers as [string];
    const rig = new Rig({
      topology,
      service: { localPorts: [5000, 5999], realServers: [{ address, port: 8080 }] },
    });
    for (let round = 0; round < 3; round++) {
      for (let port = 1; port <= 1000; port++)
        rig.send(...new Flow(rig, { client: round + 1, port }).client({ flags: 'S' }));
      assert.equal(rig.balancer.connections.count, 1000);
      assert.equal(rig.counter('drop-no-local-port'), 0);
      rig.wait(32_000);
      assert.equal(rig.balancer.connections.count, 0);
    }
  });
}
