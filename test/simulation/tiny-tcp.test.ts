import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { tcpOption } from '../support/tcp-segment.js';
import { type OutgoingSegment, TinyTcp, type TinyTcpOptions } from '../support/tiny-tcp.js';
import { hostPort } from '../support/wire.js';

type Endpoints = { client: TinyTcp; server: TinyTcp };

function pair(client: Partial<TinyTcpOptions> = {}, server: Partial<TinyTcpOptions> = {}): Endpoints {
  return {
    client: new TinyTcp({ local: hostPort('192.0.2.1', 40000), isn: 0xfffffff0, ...client }),
    server: new TinyTcp({ local: hostPort('192.0.2.2', 80), isn: 7, ...server }),
  };
}

/** Delivers segments until nothing is left to do; `delay` says when each one arrives, undefined loses it. */
function run({ client, server }: Endpoints, delay: () => number | undefined = () => 10): void {
  const inFlight: { at: number; to: TinyTcp; segment: OutgoingSegment }[] = [];
  const collect = (now: number) => {
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      for (const segment of from.takeSegments()) {
        const wait = delay();
        if (wait !== undefined) inFlight.push({ at: now + wait, to, segment });
      }
    }
  };
  server.listen();
  client.connect(server.local, 0);
  collect(0);
  for (let now = 0; now < 3_600_000; ) {
    const next = Math.min(
      ...inFlight.map(({ at }) => at),
      client.nextTimer ?? Infinity,
      server.nextTimer ?? Infinity,
    );
    if (next === Infinity) return;
    now = Math.max(now, next);
    client.advance(now);
    server.advance(now);
    for (const { to, segment } of inFlight.filter(({ at }) => at <= now)) {
      to.receive({ ...segment, from: segment.from.address, to: segment.to.address }, now);
    }
    inFlight.splice(0, inFlight.length, ...inFlight.filter(({ at }) => at > now));
    collect(now);
  }
  assert.fail('the endpoints never came to rest');
}

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) + seed) & 255);
}

test('bytes cross both ways, the connection ends by FINs and nothing is counted as odd', () => {
  const ends = pair(
    { sack: true, windowScale: 7, timestamps: true, window: 200_000 },
    { sack: true, windowScale: 3 },
  );
  ends.client.write(pattern(50_000, 1), 0);
  ends.client.shutdown(0);
  ends.server.write(pattern(30_000, 2), 0);
  ends.server.shutdown(0);
  run(ends);
  assert.deepEqual(ends.server.received, pattern(50_000, 1));
  assert.deepEqual(ends.client.received, pattern(30_000, 2));
  for (const end of [ends.client, ends.server]) {
    assert.equal(end.state, 'closed');
    assert.equal(end.failure, undefined);
    assert.deepEqual(Object.values(end.counts), [0, 0, 0, 0, 0, 0, 0]);
  }
});

test('bytes cross a network that loses, delays and repeats, whatever options are in use', () => {
  const options = fc.record({
    sack: fc.boolean(),
    timestamps: fc.boolean(),
    mss: fc.integer({ min: 100, max: 1460 }),
    window: fc.integer({ min: 1000, max: 65535 }),
  });
  const lengths = fc.integer({ min: 0, max: 20_000 });
  const fates = fc.array(fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined, freq: 5 }), {
    minLength: 5,
    maxLength: 40,
  });
  fc.assert(
    fc.property(options, options, lengths, lengths, fates, (client, server, up, down, fate) => {
      const ends = pair({ ...client, retries: 40 }, { ...server, retries: 40 });
      ends.client.write(pattern(up, 1), 0);
      ends.client.shutdown(0);
      ends.server.write(pattern(down, 2), 0);
      ends.server.shutdown(0);
      let drawn = 0;
      // The drawn fates come first, then the network is kind, so that every run comes to an end.
      run(ends, () => (drawn < fate.length ? fate[drawn++] : 10));
      assert.deepEqual(ends.server.received, pattern(up, 1));
      assert.deepEqual(ends.client.received, pattern(down, 2));
      for (const { counts } of [ends.client, ends.server]) {
        assert.equal(counts.badChecksums + counts.badSacks + counts.badAcks + counts.challengeAcks, 0);
      }
    }),
    { numRuns: 200 },
  );
});

test('raw options go on the segments of the role they are given for', () => {
  const toa = (port: number) => tcpOption.toa(hostPort('203.0.113.7', port));
  const ends = pair({ options: { syn: toa(1), 'handshake-ack': toa(2), early: toa(3), later: toa(4) } });
  const seen: [string, number[]][] = [];
  const receive = ends.server.receive.bind(ends.server);
  ends.server.receive = (segment, now) => {
    receive(segment, now);
    const options = segment.bytes.subarray(20, (segment.bytes[12]! >> 4) * 4);
    seen.push([
      segment.bytes[13] === 2 ? 'S' : String(segment.bytes.length - 20 - options.length),
      [...options],
    ]);
  };
  ends.client.write(pattern(10, 0), 0);
  ends.server.write(pattern(5, 0), 0);
  ends.client.shutdown(0);
  ends.server.shutdown(0);
  run(ends);
  const kinds = seen.map(([what, options]) => [what, options[0], options[3]]);
  assert.deepEqual(kinds, [
    ['S', 254, 1],
    ['0', 254, 2],
    ['10', 254, 3],
    ['0', 254, 4],
  ]);
  assert.deepEqual(ends.server.completing?.options[0]?.bytes, toa(2));
  assert.deepEqual(ends.server.opening?.options[0]?.bytes, toa(1));
});

test('a reset ends the connection at its exact sequence number only', () => {
  const { client, server } = pair();
  server.listen();
  client.connect(server.local, 0);
  const carry = (from: TinyTcp, to: TinyTcp) => {
    for (const segment of from.takeSegments())
      to.receive({ ...segment, from: segment.from.address, to: segment.to.address }, 0);
  };
  carry(client, server);
  carry(server, client);
  carry(client, server);
  assert.equal(server.state, 'established');
  client.abort(0);
  carry(client, server);
  assert.equal(server.state, 'closed');
  assert.equal(server.failure, 'reset');
});
