// `toa watch` on recorded captures (test/fixtures). Live it is tested in test/network/watch.test.ts.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { formatEndpoint } from '../../lib/net/address.js';
import { capture } from '../fixtures/captures.js';
import {
  CLOSED_PORT,
  FIRST_PORT,
  recordedFaults,
  recordedFormats,
} from '../fixtures/recorded-connections.js';
import { packet } from '../support/packet-builder.js';
import { readJson } from './json.js';
import { main, toa } from './toa.js';

interface Endpoint {
  address: string;
  port: number;
}

interface ConnectionEvent {
  event: 'connection';
  peer: Endpoint;
  server: Endpoint;
  outcome: string;
  client: Endpoint | null;
  format: string | null;
  on: string[];
  trusted: boolean | null;
  odd: string[];
}

interface SummaryEvent {
  event: 'summary';
  packets: number;
  connections: number;
  withToa: number;
  withoutToa: number;
  direct: number;
  evicted: number;
  dropped: number | null;
  outcomes: Record<string, number>;
  formats: Record<string, number>;
  refusals: Record<string, number>;
  oddities: Record<string, number>;
}

function watchJson(...args: string[]): { connections: ConnectionEvent[]; summary: SummaryEvent } {
  const { status, stdout, stderr } = toa(['watch', '--json', ...args]);
  assert.deepEqual([status, stderr], [0, '']);
  const events = readJson<ConnectionEvent | SummaryEvent>('watch', stdout);
  const summary = events.pop();
  assert.equal(summary?.event, 'summary');
  return { connections: events as ConnectionEvent[], summary: summary as SummaryEvent };
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'toa-watch-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

for (const [file, recorded] of [
  ['formats.pcap', recordedFormats],
  ['faults.pcap', recordedFaults],
  ['faults.pcapng', recordedFaults],
  ['faults-any.pcap', recordedFaults],
  ['faults-any-nanoseconds.pcap', recordedFaults],
] as const) {
  test(`every connection in ${file} is told, with its client and what is odd`, () => {
    const { connections, summary } = watchJson('-r', capture(file));
    const byPort = new Map(connections.map((connection) => [connection.peer.port, connection]));
    for (const [index, { what, on, client, format, odd }] of recorded.entries()) {
      const told = byPort.get(FIRST_PORT + index);
      assert.ok(told, what);
      assert.equal(told.outcome, 'established', what);
      assert.deepEqual(told.on, on, what);
      assert.deepEqual(told.odd, odd, what);
      assert.equal(told.format, format ?? null, what);
      assert.equal(
        told.client && formatEndpoint(told.client.address, told.client.port),
        client ?? null,
        what,
      );
    }
    assert.equal(byPort.get(FIRST_PORT + recorded.length)?.outcome, 'refused');
    assert.equal(byPort.get(FIRST_PORT + recorded.length)?.server.port, CLOSED_PORT);
    assert.equal(summary.connections, recorded.length + 1);
    assert.equal(connections.length, recorded.length + 1);
    assert.equal(summary.withToa, recorded.filter(({ client }) => client).length);
    assert.equal(summary.dropped, null);
  });
}

test('what is refused is counted by its reason', () => {
  assert.deepEqual(watchJson('-r', capture('faults.pcap')).summary.refusals, {
    'bad-length': 2,
    'truncated-option': 1,
    'wrong-length': 1,
    'wrong-version': 1,
    'implausible-client': 3,
  });
});

test('peers that are not trusted forge, or come directly', () => {
  const { connections, summary } = watchJson('-r', capture('faults.pcap'), '--trust', 'fd00:9:1::/64');
  for (const { peer, trusted, client, odd } of connections) {
    assert.equal(trusted, peer.address === 'fd00:9:1::1');
    assert.equal(odd.includes('no-toa'), trusted && !client);
    if (client && !trusted) assert.ok(odd.includes('forged'));
  }
  assert.equal(summary.withoutToa - summary.direct, 1);
  assert.ok((summary.refusals.untrusted ?? 0) > 0);
});

test('only the ports, blocks and formats that were asked for are looked at', () => {
  const file = capture('faults.pcap');
  assert.equal(watchJson('-r', file, '-p', '81').summary.connections, 1);
  assert.equal(watchJson('-r', file, '-p', '80,81').summary.connections, recordedFaults.length + 1);
  assert.equal(watchJson('-r', file, '-f', 'fd00:9:1::/64').summary.connections, 2);
  assert.equal(watchJson('-r', file, '-f', '192.0.2.0/24').summary.connections, 0);
  const narrow = watchJson('-r', capture('formats.pcap'), '--formats', 'default').summary;
  assert.deepEqual(Object.keys(narrow.formats), ['toa-v4', 'toa-v6']);
});

test('--odd leaves out what nothing is odd about, -c ends early', () => {
  const odd = watchJson('-r', capture('faults.pcap'), '--odd');
  assert.equal(odd.connections.length, recordedFaults.filter((each) => each.odd.length > 0).length);
  assert.equal(watchJson('-r', capture('faults.pcap'), '-c', '3').connections.length, 3);
});

test('more connections than are kept are judged early, and the summary says how many', () => {
  const { summary } = watchJson('-r', capture('faults.pcap'), '--max-connections', '1');
  assert.equal(summary.connections, recordedFaults.length + 1);
  assert.equal(summary.evicted, 0); // each was over before the next began
});

test('as text it is a line for each connection, and a summary', () => {
  const { status, stdout, stderr } = toa(['watch', '-r', capture('faults.pcap')]);
  assert.deepEqual([status, stderr], [0, '']);
  const [heading = '', ...lines] = stdout.split('\n');
  assert.match(heading, /^TIME +BALANCER +PORT +CLIENT +FORMAT +ON +ODD$/);
  assert.match(lines[0]!, /^\d\d:\d\d:\d\d\.\d{3} {2}10\.9\.1\.1 +80 +- +- +- +no-toa$/);
  assert.match(stdout, /^.* 203\.0\.113\.7:51514 +toa-v4 +syn,ack +forged$/m);
  assert.match(stdout, /^connections 23: 22 established, 1 refused$/m);
  assert.match(stdout, /^with TOA {4}10 of 22, 45\.5 %$/m);
  assert.match(stdout, /^toa-v4 +9 +90\.0 %$/m);
  assert.match(stdout, /^malformed +8 +34\.8 %$/m);
});

test('with --trust there is a column for it, and color marks what is odd', () => {
  const { stdout } = toa(['--color', 'always', 'watch', '-r', capture('faults.pcap'), '-t', '10.9.0.0/16']);
  assert.match(stdout, /^TIME .* ON +TRUST +ODD$/m);
  assert.match(stdout, /^.* fd00:9:1::1 .* toa-v6 +syn,ack,data +no +\S*forged\S*$/m);
  assert.ok(stdout.includes('\u001b[33mforged\u001b[39m'));
  assert.match(stdout, /^.* 10\.9\.1\.1 .* toa-v4 +syn,ack,data +yes$/m);
});

test('a reader that has seen enough ends it without a word', () => {
  const line = '"$0" "$1" watch -r "$2" | head -n 2';
  const args = ['-c', line, process.execPath, main, capture('faults.pcap')];
  const { stdout, stderr } = spawnSync('sh', args, { encoding: 'utf8' });
  assert.equal(stdout.split('\n').length, 3);
  assert.equal(stderr, '');
});

/** A pcap of raw IP with so many SYNs, no two of the same connection. */
function synFlood(count: number): Uint8Array {
  const syn = packet().ip({ from: '10.0.0.1', to: '10.0.0.2' }).tcp({ from: 1, to: 80, flags: 'S' }).bytes();
  const file = Buffer.alloc(24 + count * (16 + syn.length));
  file.writeUInt32LE(0xa1b2c3d4, 0);
  file.writeUInt16LE(2, 4);
  file.writeUInt32LE(101, 20);
  for (let i = 0, at = 24; i < count; i++, at += 16 + syn.length) {
    file.writeUInt32LE(syn.length, at + 8);
    file.writeUInt32LE(syn.length, at + 12);
    file.set(syn, at + 16);
    file.writeUInt32BE(i, at + 16 + 14); // of the addresses' and
    file.writeUInt16BE(i & 0xffff, at + 16 + 20); // the port's bytes
  }
  return file;
}

test('a flood of connections takes no more memory than --max-connections of them', () => {
  const connections = 100_000;
  const heap = { NODE_OPTIONS: '--max-old-space-size=32' };
  const flood = { input: synFlood(connections), env: heap };
  const bounded = toa(['watch', '--json', '--odd', '-r', '-', '--max-connections', '1000'], flood);
  assert.equal(bounded.status, 0, bounded.stderr);
  const [summary] = readJson<SummaryEvent>('watch', bounded.stdout);
  assert.equal(summary?.connections, connections);
  assert.equal(summary?.evicted, connections - 1000);
  const unbounded = toa(['watch', '--json', '--odd', '-r', '-', '--max-connections', '1000000'], flood);
  assert.notEqual(unbounded.status, 0, 'the heap is too small for all of them at once');
});

test('a capture is read from standard input as well', () => {
  const { status, stdout } = toa(['watch', '--json', '-r', '-'], {
    input: readFileSync(capture('faults.pcap')),
  });
  assert.equal(status, 0);
  assert.equal(readJson('watch', stdout).length, recordedFaults.length + 2);
});

test('a broken capture ends with 2, behind what was sound in it, and says where', (t) => {
  const folder = temporaryFolder(t);
  const sound = readFileSync(capture('faults.pcap'));
  const hugeLength = Buffer.from(sound.subarray(0, 40));
  hugeLength.writeUInt32LE(0xffff_ffff, 32);
  const nonsense = Buffer.from('hello, this is no capture');
  for (const [what, bytes, message] of [
    [
      'truncated',
      sound.subarray(0, 16_000),
      /at byte \d+: the file ends within a record, of which it has \d+ bytes/,
    ],
    ['huge', hugeLength, /at byte 24: a packet of 4294967295 bytes, wanted at most 262144/],
    ['empty', Buffer.alloc(0), /at byte 0: the file is empty/],
    ['no capture', nonsense, /neither pcap nor pcapng: the file begins with 68656c6c/],
    ['compressed', Buffer.from('1f8b0800', 'hex'), /it is compressed: gunzip it first/],
  ] as const) {
    const file = join(folder, what);
    writeFileSync(file, bytes);
    const { status, stdout, stderr } = toa(['watch', '-r', file, '--json']);
    assert.equal(status, 2, what);
    assert.ok(stderr.startsWith(`toa: ${file}: `), stderr);
    assert.match(stderr, message);
    if (what === 'truncated') assert.ok(readJson('watch', stdout).length > 2);
    else assert.equal(stdout, '');
  }
});

test('what cannot be given, or not together, ends with 2 and says what was wanted', (t) => {
  const copy = join(temporaryFolder(t), 'copy.pcap');
  writeFileSync(copy, readFileSync(capture('faults.pcap')));
  for (const [args, message] of [
    [['-p', '0'], /Wanted a whole number from 1 to 65535/],
    [['-p', '80,http'], /Wanted a whole number from 1 to 65535/],
    [['-p', Array.from({ length: 33 }, (_, i) => i + 1).join(',')], /Wanted at most 32 ports/],
    [['-f', '10.0.0.1/8'], /10\.0\.0\.1\/8 is no address or CIDR block/],
    [['-t', 'everybody', '-r', copy], /trust: given "everybody"/],
    [['--formats', 'toa', '-r', copy], /formats: given "toa"/],
    [['--max-connections', '0'], /Wanted a whole number from 1 to 1000000/],
    [['eth0', '-r', copy], /given -r .* and the interface eth0, wanted only one of them/],
    [['--duration', '3', '-r', copy], /given -r .* and --duration, wanted only one of them/],
    [['-r', copy, '-w', copy], /-w: given the file that is read, wanted another file/],
    [['-r', copy, '-w', '-'], /-w: given standard output/],
    [['-r', '/no/such/file'], /ENOENT/],
    [['-r', tmpdir()], /EISDIR/],
  ] as const) {
    const { status, stderr } = toa(['watch', ...args]);
    assert.equal(status, 2, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, message);
  }
  assert.deepEqual(readFileSync(copy), readFileSync(capture('faults.pcap')));
});

test('an interface that is not there ends with 3 and its name', () => {
  const { status, stderr } = toa(['watch', 'no-such0']);
  assert.equal(status, 3);
  assert.match(stderr, /^toa: cannot find interface no-such0: ENODEV/);
});
