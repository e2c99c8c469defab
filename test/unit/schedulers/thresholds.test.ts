import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RealServer } from '../../../lib/balancer/service/real-server.js';

function realServer(upperThreshold: number, lowerThreshold: number): RealServer {
  return new RealServer(0, { address: '10.0.0.11', port: 80, weight: 1, upperThreshold, lowerThreshold });
}

/** Binds or unbinds connections until so many are there. */
function fill(server: RealServer, connections: number): RealServer {
  while (server.connections < connections) server.bound();
  while (server.connections > connections) server.unbound(false);
  return server;
}

/** Whether it is overloaded with so many connections, one after the other. */
const overloads = (server: RealServer, connections: readonly number[]) =>
  connections.map((count) => fill(server, count).overloaded);

test('a real server without thresholds is never overloaded', () => {
  assert.deepEqual(overloads(realServer(0, 0), [0, 1, 1000]), [false, false, false]);
});

test('a real server is overloaded from its upper threshold on, until it has less than its lower one', () => {
  assert.deepEqual(overloads(realServer(10, 4), [9, 10, 11, 9, 4, 3, 9, 10]), [
    ...[false, true, true, true, true, false],
    ...[false, true],
  ]);
});

test('without a lower threshold it has to fall below three quarters of the upper one', () => {
  for (const [upper, relieved] of [
    [1, 0],
    [2, 1],
    [3, 2],
    [4, 2],
    [5, 3],
    [6, 4],
    [7, 5],
    [100, 74],
  ] as const) {
    const server = realServer(upper, 0);
    assert.deepEqual(overloads(server, [upper, relieved + 1, relieved]), [true, true, false], `of ${upper}`);
  }
});

test('active and inactive connections count alike', () => {
  const server = fill(realServer(3, 0), 2);
  server.activated();
  assert.deepEqual([server.active, server.inactive, server.overloaded], [1, 1, false]);
  server.bound();
  assert.deepEqual([server.connections, server.overloaded], [3, true]);
  server.unbound(true);
  assert.deepEqual([server.active, server.inactive, server.overloaded], [0, 2, false]);
  server.activated();
  server.deactivated();
  assert.deepEqual([server.active, server.inactive], [0, 2]);
});

test('an overloaded real server is relieved at once by higher thresholds or none, and burdened by lower ones', () => {
  const server = fill(realServer(4, 2), 4);
  assert.equal(server.overloaded, true);
  server.setThresholds(8, 0);
  assert.equal(server.overloaded, false);
  server.setThresholds(4, 2);
  assert.equal(server.overloaded, true);
  server.setThresholds(5, 3); // between them it stays what it is
  assert.equal(server.overloaded, true);
  server.setThresholds(0, 3);
  assert.equal(server.overloaded, false);
  assert.deepEqual([server.upperThreshold, server.lowerThreshold], [0, 3]);
});

test('the last weight that was not 0 is kept', () => {
  const server = realServer(0, 0);
  server.setWeight(7);
  server.setWeight(0);
  assert.deepEqual([server.weight, server.lastWeight], [0, 7]);
});
