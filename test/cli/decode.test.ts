import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeHeader } from '../../cli/decode/header.js';
import { ToaError } from '../../lib/errors.js';
import { packageRoot } from '../../lib/native.js';
import { acceptFormats, type FormatId, type ToaRecord } from '../../lib/toa/index.js';
import { capture } from '../fixtures/captures.js';
import { packet } from '../support/packet-builder.js';
import { tcpOption } from '../support/tcp-segment.js';
import { hostPort } from '../support/wire.js';
import { readJson, readOneJson } from './json.js';
import { toa } from './toa.js';

interface Decoded {
  packet: number | null;
  form: string;
  source: { address: string; port: number } | null;
  flags: string[];
  options: {
    kind: number | null;
    offset: number;
    length: number;
    says: string;
    format: string | null;
    fields: { bytes: string }[];
  }[];
  client: { address: string; port: number } | null;
  refusal: string | null;
  odd: string[];
}

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('toa decode tells each byte of an option, and what a receiver makes of it', () => {
  const { status, stdout, stderr } = toa(['decode', 'fe089c40c0000201']);
  assert.deepEqual([status, stderr], [0, '']);
  assert.equal(
    stdout,
    `options
                                 toa-v4 (kind 254, length 8)
  0000  fe                         kind 254
  0001  08                         length 8
  0002  9c 40                      client port 40000
  0004  c0 00 02 01                client address 192.0.2.1
=> client 192.0.2.1:40000, by toa-v4
`,
  );
});

const toaOption = tcpOption.toa(hostPort('203.0.113.7', 51514));
const options = [tcpOption.mss(1460), tcpOption.nop, tcpOption.windowScale(7), toaOption];
const ip = packet().ip({ from: '10.0.0.1', to: '10.0.0.2' }).tcp({ from: 5000, to: 80, flags: 'S', options });
const ip6 = packet().ip({ from: 'fd00::1', to: 'fd00::2' }).tcp({ from: 5000, to: 80, flags: 'S', options });
const ethernet = packet().ethernet({ from: '02:00:00:00:00:01', to: '02:00:00:00:00:02' });
const frame = ethernet
  .ip({ from: '10.0.0.1', to: '10.0.0.2' })
  .tcp({ from: 5000, to: 80, flags: 'S', options });

test('the form of the bytes is found out, or told by --as', () => {
  for (const [bytes, form, optionsAt] of [
    [frame.bytes(), 'frame', 54],
    [ip.bytes(), 'ip', 40],
    [ip6.bytes(), 'ip', 60],
    [ip.bytes().subarray(20), 'tcp', 20],
    [ip.bytes().subarray(40), 'options', 0],
  ] as const) {
    for (const as of ['auto', form]) {
      const { status, stdout } = toa(['decode', '--json', '--as', as, hexOf(bytes)]);
      assert.equal(status, 0);
      const decoded = readOneJson<Decoded>('decode', stdout);
      assert.equal(decoded.form, form);
      assert.equal(decoded.options[0]?.offset, optionsAt);
      assert.deepEqual(
        decoded.options.map(({ says }) => says),
        ['maximum segment size 1460', 'no operation', 'window scale 7', 'toa-v4'],
      );
      assert.equal(decoded.client?.address, '203.0.113.7');
      assert.deepEqual(decoded.flags, form === 'options' ? [] : ['SYN']);
      assert.equal(decoded.source?.port, form === 'ip' || form === 'frame' ? 5000 : undefined);
    }
  }
});

test('hex is read as tcpdump, xxd, hexdump and people write it, from arguments or standard input', () => {
  for (const input of [
    'fe089c40c0000201\n',
    'FE 08 9C 40 C0 00 02 01',
    'fe:08:9c:40:c0:00:02:01',
    '0xfe, 0x08, 0x9c, 0x40, 0xc0, 0x00, 0x02, 0x01',
    '\\xfe\\x08\\x9c\\x40\\xc0\\x00\\x02\\x01',
    '\t0x0000:  fe08 9c40 c000 0201\n',
    '00000000: fe08 9c40 c000 0201                      ...@....\n',
    '00000000  fe 08 9c 40 c0 00 02 01                           |...@....|\n00000008\n',
    '00000000: fe08 9c40\n00000004: c000 0201\n',
  ]) {
    const { status, stdout } = toa(['decode'], { input });
    assert.equal(status, 0, input);
    assert.match(stdout, /^=> client 192\.0\.2\.1:40000, by toa-v4$/m, input);
  }
  assert.match(toa(['decode', 'fe', '08', '9c40', 'c0000201']).stdout, /^=> client 192\.0\.2\.1:40000/m);
});

test('what is malformed is told in words, and ends with 1', () => {
  for (const [hex, words, refusal] of [
    ['fe00', 'kind 254: malformed, length 0, wanted 2 or more; receivers stop here', 'bad-length'],
    ['fe', 'kind 254: malformed, its length is missing; receivers stop here', 'truncated-option'],
    [
      'fe0901',
      'kind 254: malformed, length 9, and 3 bytes are left; receivers stop here',
      'truncated-option',
    ],
    [
      'fe0901020304050607',
      'kind 254, length 9: malformed, TOA of this kind has length 8 or 20 or 16',
      'wrong-length',
    ],
    ['1c0702cb007107', 'kind 28, length 7: malformed, version 2, wanted 1', 'wrong-version'],
    ['fe081234 7f000001', 'toa-v4', 'implausible-client'],
  ] as const) {
    const { status, stdout } = toa(['decode', '--json', hex]);
    assert.equal(status, 1, hex);
    const decoded = readOneJson<Decoded>('decode', stdout);
    assert.equal(decoded.options[0]?.says, words);
    assert.equal(decoded.refusal, refusal);
    assert.ok(decoded.odd.includes('malformed'));
    assert.match(toa(['decode', hex]).stdout, new RegExp(`^=> no client: ${refusal}, malformed$`, 'm'));
  }
});

test('options that others have put there are named, and are no fault', () => {
  for (const [hex, says] of [
    ['fe04f989', 'another experiment by its ExID: TCP Fast Open'],
    ['fd06e2d4c3d9', 'another experiment by its ExID: SMC'],
    ['1c04803c', 'user timeout 60 minutes'],
    ['080a0000000100000002', 'timestamps 1, echo 2'],
    ['050a0000000100000005', 'SACK 1-5'],
    ['0402', 'SACK permitted'],
    ['220a0102030405060708', 'Fast Open cookie 01 02 03 04 05 06 07 08'],
    ['4d03ff', 'kind 77, length 3: not known'],
  ] as const) {
    const { status, stdout } = toa(['decode', '--json', hex]);
    assert.equal(status, 0, hex);
    const decoded = readOneJson<Decoded>('decode', stdout);
    assert.equal(decoded.options[0]?.says, says);
    assert.equal(decoded.refusal, 'none');
  }
});

test('-r shows the packets of a capture that have TOA, --all the others too', () => {
  const { status, stdout } = toa(['decode', '--json', '-r', capture('faults.pcap')]);
  assert.equal(status, 1);
  const shown = readJson<Decoded>('decode', stdout);
  assert.ok(shown.every(({ refusal }) => refusal !== 'none'));
  const everything = readJson<Decoded>(
    'decode',
    toa(['decode', '--json', '--all', '-r', capture('faults.pcap')]).stdout,
  );
  assert.deepEqual(
    everything.map(({ packet: number }) => number),
    Array.from({ length: everything.length }, (_, index) => index + 1),
  );
  assert.deepEqual(
    shown,
    everything.filter(({ refusal }) => refusal !== 'none'),
  );
  assert.equal(toa(['decode', '-r', capture('formats.pcap')]).status, 0);
});

test('bytes that are not what they are said to be end with 2 and say what they are', () => {
  for (const [args, message] of [
    [['xyz'], /given "xyz", which is no hexadecimal/],
    [['fe0'], /given 3 digits/],
    [['', '--as', 'ip'], /given nothing/],
    [['--as', 'ip', 'fe08'], /given 2 bytes that are no IP packet with TCP: not-ip/],
    [['--as', 'frame', 'fe08'], /no Ethernet frame with TCP/],
    [['--as', 'tcp', 'fe08'], /given 2 bytes for a TCP header/],
    [['--as', 'tcp', '00'.repeat(20)], /given a TCP header that says it has 0 bytes/],
    [['00'.repeat(41)], /given 41 bytes that are no packet and no TCP header/],
    [['--as', 'udp', 'fe08'], /Allowed choices are auto, options, tcp, ip, frame/],
    [['fe08', '-r', capture('faults.pcap')], /given hex and -r, wanted only one of them/],
    [['--formats', 'none', 'fe08'], /formats: given "none"/],
  ] as const) {
    const { status, stdout, stderr } = toa(['decode', ...args]);
    assert.deepEqual([status, stdout], [2, ''], args.join(' '));
    assert.match(stderr, message);
  }
});

interface Vectors {
  options: { format: FormatId; option: string; record: ToaRecord }[];
  headers: {
    what: string;
    header: string;
    accept: FormatId[];
    found?: { record: ToaRecord; offset: number };
  }[];
}

const vectors = JSON.parse(
  readFileSync(join(packageRoot, 'test', 'vectors', 'toa-options.json'), 'utf8'),
) as Vectors;
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

test('every golden option is read, and its fields cover its bytes', () => {
  for (const { format, option, record } of vectors.options) {
    const decoded = decodeHeader(bytesOf(option), 'options', acceptFormats([format]));
    assert.deepEqual(decoded.reading.record, record);
    const [only] = decoded.options;
    assert.equal(only?.fields.map(({ bytes }) => bytes).join(' '), only?.bytes);
  }
});

test('of every golden header the same option is found', () => {
  for (const { what, header, accept, found } of vectors.headers) {
    const bytes = bytesOf(header);
    if (bytes.length < 20 || bytes[12]! >> 4 < 5) continue;
    const decoded = decodeHeader(bytes, 'tcp', acceptFormats(accept));
    assert.deepEqual(decoded.reading.record, found?.record, what);
    const first = decoded.options.find(({ format }) => format !== undefined);
    assert.equal(first?.offset, found?.offset, what);
  }
});

test('whatever the bytes are, each is told once, or they are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), (bytes) => {
      try {
        const { options: list, form } = decodeHeader(bytes, 'auto', acceptFormats('all'));
        const told = list.map((each) => each.bytes.replaceAll(' ', '')).join('');
        if (form === 'options') assert.equal(told, hexOf(bytes));
        else assert.ok(hexOf(bytes).includes(told));
      } catch (error) {
        assert.ok(error instanceof ToaError && error.code === 'ERR_TOA_USAGE', String(error));
      }
    }),
  );
});
