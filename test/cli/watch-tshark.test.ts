// Our reading of captures beside tshark's.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CaptureParser, Segment } from '../../lib/capture/index.js';
import { formatAddress } from '../../lib/net/address.js';
import { capture } from '../fixtures/captures.js';
import { requireProgram } from '../support/require.js';
import { readJson } from './json.js';
import { toa } from './toa.js';

/** Absolute numbers, and times as text: a double has no room for them. */
const FIELDS = [
  'frame.time_epoch',
  'ip.src',
  'ipv6.src',
  'ip.dst',
  'ipv6.dst',
  'tcp.srcport',
  'tcp.dstport',
  'tcp.flags',
  'tcp.seq_raw',
  'tcp.len',
  'tcp.options',
  'frame.comment',
];

function tshark(file: string): string[][] {
  const fields = FIELDS.flatMap((field) => ['-e', field]);
  const args = ['-r', file, '-o', 'tcp.relative_sequence_numbers:FALSE', '-T', 'fields', ...fields];
  return execFileSync('tshark', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.split('\t'));
}

/** The same fields, but for comments, as we read them. */
function ours(file: string): string[][] {
  const parser = new CaptureParser();
  const segment = new Segment();
  const rows: string[][] = [];
  for (const { bytes, start, end, linkType, time } of parser.push(readFileSync(file))) {
    assert.equal(segment.locate(bytes, start, end, linkType), undefined);
    const { family, sourcePort, destinationPort, flags, sequence, dataLength, header } = segment;
    const [source, destination] = [segment.source, segment.destination].map((at) =>
      formatAddress(bytes, at, family),
    );
    rows.push([
      `${Math.floor(time / 1e6)}.${String(time % 1e6).padStart(6, '0')}`,
      ...(family === 4 ? [source!, '', destination!, ''] : ['', source!, '', destination!]),
      String(sourcePort),
      String(destinationPort),
      `0x${flags.toString(16).padStart(4, '0')}`,
      String(sequence >>> 0),
      String(dataLength),
      Buffer.from(header.subarray(20)).toString('hex'),
    ]);
  }
  parser.end();
  return rows;
}

const files = [
  'formats.pcap',
  'faults.pcap',
  'faults.pcapng',
  'faults-any.pcap',
  'faults-any-nanoseconds.pcap',
];

for (const file of files) {
  test(`${file}: times, addresses, ports, flags, lengths and options are those that tshark reads`, (t) => {
    if (!requireProgram(t, 'tshark')) return;
    const theirs = tshark(capture(file)).map(([time = '', ...fields]) => [
      time.slice(0, -3),
      ...fields.slice(0, 10),
    ]);
    assert.deepEqual(ours(capture(file)), theirs);
  });

  test(`${file}: as many connections are told as tshark sees begin, by the same peers`, (t) => {
    if (!requireProgram(t, 'tshark')) return;
    const begun = tshark(capture(file)).filter((fields) => fields[7] === '0x0002');
    const peers = new Set(begun.map((fields) => `${fields[1] || fields[2]} ${fields[5]}`));
    const { stdout } = toa(['watch', '--json', '-r', capture(file)]);
    const told = readJson<{ peer?: { address: string; port: number } }>('watch', stdout).flatMap(
      ({ peer }) => (peer ? `${peer.address} ${peer.port}` : []),
    );
    assert.deepEqual(told.sort(), [...peers].sort());
  });

  test(`${file}: saved again, tshark reads the same packets, and a comment where the option is`, (t) => {
    if (!requireProgram(t, 'tshark')) return;
    const copy = join(temporaryFolder(t), 'copy.pcapng');
    assert.equal(toa(['watch', '-r', capture(file), '-w', copy]).status, 0);
    execFileSync('capinfos', [copy], { stdio: ['ignore', 'ignore', 'inherit'] });
    const saved = tshark(copy);
    const dropNanoseconds = ([time = '', ...fields]: string[]) => [time.slice(0, -3), ...fields.slice(0, 10)];
    assert.deepEqual(saved.map(dropNanoseconds), tshark(capture(file)).map(dropNanoseconds));
    for (const fields of saved) {
      const option = /^(020405b4)?(0101)?(fe08|fe14|fd|c8|c9|fc|fa|f9|fe10|1c07|1c13|fe0[019]|fe1e)/.exec(
        fields[10] ?? '',
      );
      if (fields[11]) assert.match(fields[11], /^TOA on the (SYN|handshake ACK|first data): /);
      if (fields[11]) assert.ok(option, fields.join(' '));
    }
    assert.ok(saved.filter((fields) => fields[11]).length > 15);
  });
}

test('whatever editcap makes of a capture, it is read alike', (t) => {
  if (!requireProgram(t, 'editcap')) return;
  const folder = temporaryFolder(t);
  const expected = ours(capture('faults.pcap'));
  for (const [name, ...options] of [
    ['nanoseconds', '-F', 'nsecpcap'],
    ['pcapng', '-F', 'pcapng'],
    ['raw-ip', '-C', '14', '-L', '-T', 'rawip'],
    ['commented', '-F', 'pcapng', '-a', '3:a comment'],
    ['with secrets', '-F', 'pcapng', '--inject-secrets', `tls,${capture('faults.pcap')}`],
  ] as const) {
    const file = join(folder, name);
    execFileSync('editcap', [...options, capture('faults.pcap'), file], {
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    assert.deepEqual(ours(file), expected, name);
  }
});

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'toa-tshark-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
