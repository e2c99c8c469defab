import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Balancer } from '../../../lib/balancer/index.js';
import { Forwarder } from '../../../lib/daemon/forwarder.js';
import { Arena, MEMORY_BYTES, MemoryLink } from '../../../lib/link/index.js';
import { packet } from '../../support/packet-builder.js';
import { configuration, INSIDE, IPV4, MACS, OUTSIDE } from '../../support/topology.js';
import { mac } from '../../support/wire.js';

const QUARTER = 250;

/** A balancer between two links in memory, at a time that the test sets. Half-open connections last two seconds. */
function prepare() {
  const clock = { now: 1000 };
  const arena = new Arena(new Uint8Array(2 * MEMORY_BYTES));
  const links = [OUTSIDE, INSIDE].map((side) => new MemoryLink(arena, mac(MACS.balancer[side]!)));
  const config = configuration(IPV4, {
    service: { mode: 'dr', timeouts: { synReceived: 2 } },
    settings: { maxConnections: 100_000, dropEntry: 'never' },
  });
  const balancer = new Balancer(config, { links, secret: new Uint8Array(32).fill(7), now: clock.now });
  const forwarder = new Forwarder(balancer, links, arena, undefined, () => clock.now);
  const { connections } = balancer;
  let port = 1024;
  let host = 0;
  /** So many SYNs from as many clients come at once. */
  const flood = (count: number) => {
    for (let n = 0; n < count; n++) {
      if (++port === 65_536) {
        port = 1024;
        host++;
      }
      links[OUTSIDE]!.deliver(
        packet()
          .ethernet({ from: MACS.gateway, to: MACS.balancer[OUTSIDE] })
          .ip({ from: `203.0.113.${host}`, to: IPV4.vip })
          .tcp({ from: port, to: IPV4.port, flags: 'S' })
          .bytes(),
      );
    }
  };
  return { clock, balancer, connections, forwarder, flood, [Symbol.dispose]: () => forwarder.stop() };
}

test('connections expire as fast as a flood opens them', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  using there = prepare();
  there.forwarder.start();
  const rate = 2000; // for each quarter of a second
  let most = 0;
  for (let quarter = 0; quarter < 40; quarter++) {
    there.flood(rate);
    there.clock.now += QUARTER;
    t.mock.timers.tick(QUARTER);
    await nextTurn();
    most = Math.max(most, there.connections.count);
  }
  assert.ok(most >= 6 * rate, `${most} connections are open at a time`);
  assert.ok(most <= 11 * rate, `${most} connections are open at a time`);
});

test('what is left to expire is done in later turns of the event loop, until it is stopped', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  using there = prepare();
  there.forwarder.start();
  there.flood(1000);
  t.mock.timers.tick(QUARTER);
  there.clock.now += 4000;
  t.mock.timers.tick(QUARTER);
  const { count } = there.connections;
  assert.ok(count > 0 && count < 1000, `${count} are left`);
  await nextTurn();
  const left = there.connections.count;
  assert.ok(left < count, `of ${count}, ${left} are left a turn later`);
  there.forwarder.stop();
  await nextTurn();
  assert.equal(there.connections.count, left);
});
