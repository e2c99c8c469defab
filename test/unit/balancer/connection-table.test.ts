import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConnectionTable } from '../../../lib/balancer/connection/connection-table.js';
import { KeyedHash } from '../../../lib/balancer/connection/keyed-hash.js';
import {
  CLIENT,
  CLIENT_PORTS,
  LOCAL,
  RECORD_WORDS,
  SERVER,
  SERVER_PORTS,
  VIP,
} from '../../../lib/balancer/connection/record.js';
import { LATER, NONE, TimerWheel } from '../../../lib/balancer/connection/timer-wheel.js';
import { Frame } from '../../../lib/balancer/index.js';
import { SECRET } from '../../support/rig.js';

const MAPPED = 0xffff;

/** Writes the addresses and ports of the n-th connection, IPv4 when n is even, and says under which they are. */
function fill(table: ConnectionTable, connection: number, n: number): void {
  const base = connection * RECORD_WORDS;
  const put = (at: number, last: number) =>
    table.words.set(n % 2 === 0 ? [0, 0, MAPPED, last] : [0x20010db8, 0, 0, last], base + at);
  put(CLIENT, 1_000_000 + n);
  put(VIP, 1);
  table.words[base + CLIENT_PORTS] = (n << 16) | 80;
  put(SERVER, 2);
  put(LOCAL, 3);
  table.words[base + SERVER_PORTS] = (8080 << 16) | (n & 0xffff);
}

/** A packet of the n-th connection from either side. */
function frameOf(n: number, fromServer: boolean): Frame {
  const frame = new Frame();
  frame.family = n % 2 === 0 ? 4 : 6;
  const [source, destination] = fromServer ? [2, 3] : [1_000_000 + n, 1];
  const head = n % 2 === 0 ? [0, 0, MAPPED] : [0x20010db8, 0, 0];
  [frame.source0, frame.source1, frame.source2] = head as [number, number, number];
  [frame.destination0, frame.destination1, frame.destination2] = head as [number, number, number];
  frame.source3 = source;
  frame.destination3 = destination;
  frame.ports = fromServer ? (8080 << 16) | (n & 0xffff) : (n << 16) | 80;
  return frame;
}

test('the table finds what a map would find, from both sides, while connections come and go', () => {
  const steps = fc.array(fc.record({ n: fc.nat(300), add: fc.boolean() }), { minLength: 50, maxLength: 600 });
  fc.assert(
    fc.property(steps, (drawn) => {
      const table = new ConnectionTable(new KeyedHash(SECRET), 200);
      const known = new Map<number, number>();
      for (const { n, add } of drawn) {
        const connection = known.get(n);
        if (add && connection === undefined) {
          const made = table.allocate();
          assert.equal(made === -1, known.size === 200, 'full at its capacity, not before');
          if (made === -1) continue;
          fill(table, made, n);
          table.insert(made);
          known.set(n, made);
        } else if (!add && connection !== undefined) {
          table.remove(connection);
          table.release(connection);
          known.delete(n);
        }
        assert.equal(table.count, known.size);
      }
      for (let n = 0; n <= 300; n++) {
        const connection = known.get(n);
        assert.equal(table.find(frameOf(n, false)), connection === undefined ? -1 : connection << 1);
        assert.equal(table.find(frameOf(n, true)), connection === undefined ? -1 : (connection << 1) | 1);
      }
    }),
    { numRuns: 100 },
  );
});

test('a table of many thousands grows and loses nobody', () => {
  const table = new ConnectionTable(new KeyedHash(SECRET), 60_000);
  for (let n = 0; n < 60_000; n++) {
    const connection = table.allocate();
    fill(table, connection, n);
    table.insert(connection);
  }
  for (let n = 0; n < 60_000; n++) {
    assert.equal(table.find(frameOf(n, false)), n << 1);
    assert.equal(table.find(frameOf(n, true)), (n << 1) | 1);
  }
});

test('the timer wheel expires each connection at its last tick, as a sorted list would', () => {
  // Deadlines reach beyond the wheel's 1024 ticks, and are moved both ways while it turns.
  const step = fc.record({
    connection: fc.nat(39),
    deadline: fc.integer({ min: 1, max: 3000 }),
    passes: fc.integer({ min: 0, max: 400 }),
    atOnce: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 80 }), (drawn) => {
      const start = 1_000_003;
      const wheel = new TimerWheel(new Int32Array(40 * RECORD_WORDS), start);
      const due = new Map<number, number>();
      let tick = start;
      const turn = (to: number, atOnce: number) => {
        tick = to;
        for (let looked = 0; ; looked++) {
          const expired = wheel.expired(tick);
          if (expired === NONE) break;
          if (expired !== LATER) {
            assert.ok(due.get(expired)! <= tick, `${expired} was due at ${due.get(expired)}, now is ${tick}`);
            due.delete(expired);
          }
          // Somebody who works in portions touches others in between.
          if (looked % atOnce === 0) for (const [other] of due) wheel.touch(other, due.get(other)!);
        }
        for (const [other, deadline] of due)
          assert.ok(deadline > tick, `${other} is overdue since ${deadline}`);
      };
      for (const { connection, deadline, passes, atOnce } of drawn) {
        if (due.has(connection)) wheel.touch(connection, tick + deadline);
        else wheel.add(connection, tick + deadline);
        due.set(connection, tick + deadline);
        turn(tick + passes, atOnce);
      }
      turn(tick + 4000, 1);
      assert.equal(due.size, 0);
    }),
    { numRuns: 200 },
  );
});
