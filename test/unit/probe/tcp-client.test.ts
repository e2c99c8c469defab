// The client of a probe against TinyTcp, which has nothing in common with it, over a network that the test draws.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressSum } from '../../../lib/probe/segment.js';
import { TcpClient, type TcpClientOptions } from '../../../lib/probe/tcp-client.js';
import { decodeTcp, encodeTcp, type TcpFields, type TcpSegment } from '../../support/tcp-segment.js';
import { TinyTcp, type TinyTcpOptions } from '../../support/tiny-tcp.js';
import { hostPort } from '../../support/wire.js';

const local = hostPort('192.0.2.1', 40000);
const remote = hostPort('192.0.2.2', 80);

interface Run {
  client?: Partial<TcpClientOptions>;
  server?: Partial<TinyTcpOptions>;
  answer?: Uint8Array;
  /** How long the next segment takes, in milliseconds; undefined loses it. */
  delay?: () => number | undefined;
  /** Milliseconds until the client gives up. */
  timeout?: number;
}

interface Result {
  client: TcpClient;
  server: TinyTcp;
  /** What the client sent, also what got lost. */
  sent: TcpSegment[];
}

function newClient(options: Partial<TcpClientOptions> = {}): TcpClient {
  return new TcpClient({
    localPort: local.port,
    remotePort: remote.port,
    addresses: addressSum(local.address, remote.address),
    isn: 0xfffffff0,
    maximumSegment: 1220,
    request: pattern(300, 1),
    marks: {},
    longestAnswer: 1 << 20,
    retransmitAfter: 1000,
    ...options,
  });
}

/** Runs a connection to its end: the server answers when it has the whole request, and closes. */
function run({ client: wishes, server: offers, answer = pattern(3000, 2), ...network }: Run = {}): Result {
  const { delay = () => 10, timeout = 600_000 } = network;
  const client = newClient(wishes);
  const server = new TinyTcp({ local: remote, isn: 7, retries: 40, ...offers });
  const request = wishes?.request ?? pattern(300, 1);
  const sent: TcpSegment[] = [];
  let inFlight: { at: number; deliver: (now: number) => void }[] = [];
  const launch = (now: number, deliver: (now: number) => void) => {
    const wait = delay();
    if (wait !== undefined) inFlight.push({ at: now + wait, deliver });
  };
  const collect = (now: number) => {
    for (const bytes of client.takeSegments()) {
      sent.push(decodeTcp(bytes)!);
      launch(now, (at) => server.receive({ from: local.address, to: remote.address, bytes }, at));
    }
    for (const { bytes } of server.takeSegments()) launch(now, (at) => client.receive(bytes, at));
  };
  server.listen();
  client.open(0);
  collect(0);
  let answered = false;
  for (let now = 0; ; ) {
    const timers = [client.nextTimer ?? Infinity, server.nextTimer ?? Infinity];
    const next = Math.min(...inFlight.map(({ at }) => at), ...timers);
    if (next === Infinity) break;
    now = Math.max(now, next);
    if (now > timeout) client.abort();
    client.advance(now);
    server.advance(now);
    const due = inFlight.filter(({ at }) => at <= now);
    inFlight = inFlight.filter(({ at }) => at > now);
    for (const { deliver } of due) deliver(now);
    if (!answered && server.received.length === request.length) {
      answered = true;
      server.write(answer, now);
      server.shutdown(now);
    }
    collect(now);
  }
  return { client, server, sent };
}

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) + seed) & 255);
}

const noCounts = { malformed: 0, badChecksum: 0, outOfOrder: 0, unacceptable: 0, retransmissions: 0 };

test('a request goes out, its answer comes back, both ends finish and nothing is counted', () => {
  const { client, server } = run();
  assert.equal(client.ending, 'finished');
  assert.deepEqual(new Uint8Array(client.answer), pattern(3000, 2));
  assert.deepEqual(server.received, pattern(300, 1));
  assert.equal(server.state, 'closed');
  assert.equal(server.failure, undefined);
  assert.deepEqual(client.counts, noCounts);
  assert.deepEqual(Object.values(server.counts), [0, 0, 0, 0, 0, 0, 0]);
});

test('request and answer cross a network that loses, delays and repeats', () => {
  const fates = fc.array(fc.option(fc.integer({ min: 1, max: 3000 }), { nil: undefined, freq: 4 }), {
    maxLength: 40,
  });
  const mark = fc.constantFrom(new Uint8Array(), pattern(8, 0), pattern(40, 0));
  const sizes = fc.integer({ min: 1, max: 5000 });
  const mss = fc.integer({ min: 88, max: 1460 });
  fc.assert(
    fc.property(
      fates,
      mark,
      sizes,
      sizes,
      mss,
      fc.integer({ min: 200, max: 65535 }),
      fc.boolean(),
      (fate, data, up, down, size, window, losesAck) => {
        let drawn = 0;
        const { client, server } = run({
          client: { request: pattern(up, 1), marks: { syn: data, ack: data, data }, losesAck },
          server: { mss: size, window },
          answer: pattern(down, 2),
          // The drawn fates come first, then the network is kind, so that every run comes to an end.
          delay: () => (drawn < fate.length ? fate[drawn++] : 10),
        });
        assert.equal(client.ending, 'finished');
        assert.deepEqual(server.received, pattern(up, 1));
        assert.deepEqual(new Uint8Array(client.answer), pattern(down, 2));
        assert.equal(client.counts.badChecksum + client.counts.malformed, 0);
        assert.equal(server.counts.badChecksums + server.counts.badAcks, 0);
      },
    ),
    { numRuns: 300 },
  );
});

const mark = (number: number) => Uint8Array.of(254, 8, 0, number, 1, 2, 3, 4);
const marks = { syn: mark(1), ack: mark(2), data: mark(3) };

/** What the client sent: letters of the flags, bytes of payload, and which of the marks was on it. */
const story = (sent: readonly TcpSegment[]) =>
  sent.map(({ flags, payload, options }) => {
    const toa = options.find(({ kind }) => kind === 254);
    return `${flags} ${payload.length} ${toa ? toa.bytes[3] : '-'}`;
  });

test('each mark is on its segment, and no later one', () => {
  const { sent } = run({ client: { marks }, answer: pattern(10, 2) });
  assert.deepEqual(story(sent), ['S 0 1', 'A 0 2', 'PA 300 3', 'A 0 -', 'A 0 -', 'FA 0 -']);
});

test('a handshake ACK that gets lost leaves the request to end the handshake', () => {
  const { sent, server } = run({ client: { marks, losesAck: true }, answer: pattern(10, 2) });
  assert.deepEqual(story(sent), ['S 0 1', 'PA 300 3', 'A 0 -', 'A 0 -', 'FA 0 -']);
  assert.deepEqual(server.completing?.payload, pattern(300, 1));
});

test('marks are on what is sent again, too', () => {
  let count = 0;
  // The SYN, then the ACK and the request: each is lost once.
  const { sent, client } = run({
    client: { marks },
    answer: pattern(10, 2),
    delay: () => ([0, 3, 4].includes(count++) ? undefined : 10),
  });
  assert.deepEqual(story(sent).slice(0, 4), ['S 0 1', 'S 0 1', 'A 0 2', 'PA 300 3']);
  assert.ok(
    story(sent)
      .slice(4)
      .some((line) => line === 'PA 300 3'),
  );
  assert.equal(client.ending, 'finished');
});

test('the longest form of the option fits the SYN, without the MSS', () => {
  const longest = Uint8Array.of(249, 40, ...new Uint8Array(38));
  const { sent, client } = run({ client: { marks: { syn: longest } } });
  assert.deepEqual(
    sent[0]!.options.map(({ kind }) => kind),
    [249],
  );
  assert.equal(client.ending, 'finished');
});

test('no segment is larger than the peer takes, the mark included', () => {
  const { sent } = run({ client: { marks, request: pattern(2000, 1) }, server: { mss: 500 } });
  for (const { payload, headerLength } of sent) assert.ok(payload.length + headerLength <= 520);
  assert.ok(sent.some(({ payload, headerLength }) => payload.length + headerLength === 520));
});

test('a window that is closed is tried with a byte until it opens', () => {
  const client = newClient();
  client.open(0);
  const [syn] = client.takeSegments().map((bytes) => decodeTcp(bytes)!);
  const ack = (syn!.seq + 1) >>> 0;
  client.receive(fromServer({ flags: 'SA', seq: 7, ack, window: 0 }), 1);
  assert.deepEqual(lengths(client), [0]);
  client.advance(1001);
  assert.deepEqual(lengths(client), [1]);
  client.receive(fromServer({ flags: 'A', seq: 8, ack: (ack + 1) >>> 0, window: 65535 }), 1002);
  assert.deepEqual(lengths(client), [299]);
});

const lengths = (client: TcpClient) => client.takeSegments().map((bytes) => decodeTcp(bytes)!.payload.length);

function fromServer(
  fields: Omit<TcpFields, 'from' | 'to'>,
  payload: Uint8Array = new Uint8Array(),
): Uint8Array {
  return encodeTcp({ from: remote.port, to: local.port, ...fields }, payload, remote.address, local.address);
}

/** A client whose connection is open; the server's next number is 8. */
function openClient(options: Partial<TcpClientOptions> = {}): { client: TcpClient; ack: number } {
  const client = newClient(options);
  client.open(0);
  const ack = (0xfffffff0 + 1) >>> 0;
  client.receive(fromServer({ flags: 'SA', seq: 7, ack }), 1);
  client.takeSegments();
  return { client, ack };
}

test('a reset in answer to the SYN is a refusal, later one a reset, and only at its exact number', () => {
  const refused = newClient();
  refused.open(0);
  refused.receive(fromServer({ flags: 'RA', seq: 0, ack: 5 }), 1);
  assert.equal(refused.ending, undefined);
  refused.receive(fromServer({ flags: 'RA', seq: 0, ack: (0xfffffff0 + 1) >>> 0 }), 2);
  assert.equal(refused.ending, 'refused');
  assert.equal(refused.counts.unacceptable, 1);

  const { client } = openClient();
  client.receive(fromServer({ flags: 'R', seq: 9 }), 2);
  assert.equal(client.ending, undefined);
  client.receive(fromServer({ flags: 'R', seq: 8 }), 3);
  assert.equal(client.ending, 'reset');
});

test('a peer that remembers an earlier connection from the same port is made to forget it', () => {
  const client = newClient();
  client.open(0);
  client.takeSegments();
  client.receive(fromServer({ flags: 'A', seq: 7, ack: 12345 }), 1);
  const [reset, ...more] = client.takeSegments().map((bytes) => decodeTcp(bytes)!);
  assert.deepEqual([reset!.flags, reset!.seq, more.length], ['R', 12345, 0]);
  client.advance(1000);
  assert.equal(decodeTcp(client.takeSegments()[0]!)!.flags, 'S');
  assert.equal(client.counts.unacceptable, 1);
});

test('what is not ours, broken, or acknowledges what was not sent, is left alone and counted', () => {
  const { client, ack } = openClient();
  client.receive(new Uint8Array(19), 2);
  client.receive(fromServer({ flags: 'A', seq: 8, ack, checksum: 'bad' }), 2);
  client.receive(fromServer({ flags: 'A', seq: 8, ack: (ack + 4000) >>> 0 }), 2);
  client.receive(fromServer({ flags: '', seq: 8 }), 2);
  const other = { from: 81, to: local.port, flags: 'R', seq: 8 };
  client.receive(encodeTcp(other, new Uint8Array(), remote.address, local.address), 2);
  assert.deepEqual(client.counts, { ...noCounts, malformed: 1, badChecksum: 1, unacceptable: 2 });
  assert.deepEqual(client.takeSegments(), []);
  assert.equal(client.ending, undefined);
});

test('a partial checksum, as this machine’s own segments have it, is taken', () => {
  const { client, ack } = openClient();
  client.receive(fromServer({ flags: 'PA', seq: 8, ack, checksum: 'partial' }, pattern(5, 3)), 2);
  assert.deepEqual(new Uint8Array(client.answer), pattern(5, 3));
});

test('bytes that come again, or overlap, are taken once', () => {
  const { client, ack } = openClient();
  client.receive(fromServer({ flags: 'PA', seq: 8, ack }, pattern(5, 3)), 2);
  client.receive(fromServer({ flags: 'PA', seq: 8, ack }, pattern(9, 3)), 3);
  client.receive(fromServer({ flags: 'PA', seq: 8, ack }, pattern(9, 3)), 4);
  client.receive(fromServer({ flags: 'PA', seq: 100, ack }, pattern(9, 3)), 5);
  assert.deepEqual(new Uint8Array(client.answer), pattern(9, 3));
  assert.equal(client.counts.outOfOrder, 1);
});

test('an answer without an end is broken off at its longest, with a reset', () => {
  const { client, ack } = openClient({ longestAnswer: 100 });
  client.receive(fromServer({ flags: 'PA', seq: 8, ack }, pattern(101, 3)), 2);
  assert.equal(client.ending, 'too-long');
  assert.deepEqual(
    client.takeSegments().map((bytes) => decodeTcp(bytes)!.flags),
    ['RA'],
  );
});

test('giving up sends a reset where there is a connection, and nothing where nobody has answered', () => {
  const { client } = openClient();
  client.abort();
  assert.equal(client.ending, 'unfinished');
  assert.equal(decodeTcp(client.takeSegments()[0]!)!.flags, 'RA');

  const lonely = run({ delay: () => undefined, timeout: 20_000 });
  assert.equal(lonely.client.ending, 'silent');
  assert.equal(lonely.client.counts.retransmissions, 4);
  assert.ok(lonely.sent.every(({ flags }) => flags === 'S'));
});

test('segments of noise do no harm', () => {
  const noise = fc.uint8Array({ maxLength: 120 });
  fc.assert(
    fc.property(fc.array(noise, { maxLength: 20 }), fc.boolean(), (segments, open) => {
      const client = open ? openClient().client : newClient();
      if (!open) client.open(0);
      for (const bytes of segments) client.receive(headed(bytes), 2);
      assert.ok(client.takeSegments().length <= segments.length + 1);
    }),
  );
});

/** Noise that at least bears the right ports and checksum, where it is long enough to be a segment. */
function headed(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 20) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const fields = { seq: view.getUint32(4), ack: view.getUint32(8), flags: flagLetters(bytes[13]!) };
  return fromServer(
    { ...fields, window: view.getUint16(14), dataOffset: bytes[12]! >> 4 },
    bytes.subarray(20),
  );
}

const flagLetters = (bits: number) => [...'FSRPA'].filter((_, i) => (bits & (1 << i)) !== 0).join('');
