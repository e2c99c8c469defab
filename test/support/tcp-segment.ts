/** TCP segments as bytes and as fields, for tests; independent of `lib/net`. */
import {
  concat,
  type HostPort,
  internetChecksum,
  onesSum,
  PROTOCOL,
  pseudoHeader,
  readU16,
  readU32,
  u16,
  u32,
} from './wire.js';

const FLAG_LETTERS = 'FSRPAUEC';

/** The fields of a TCP header. `flags` are letters: F S R P A U E C, in any order. */
export interface TcpFields {
  readonly from: number;
  readonly to: number;
  readonly seq?: number;
  readonly ack?: number;
  readonly flags: string;
  readonly window?: number;
  readonly urgent?: number;
  /** Options one after another; padded with zeros to a multiple of four. */
  readonly options?: readonly Uint8Array[];
  /** `partial`: the pseudo-header's sum only, as a sender with offload leaves it; `bad`: one off; a number: that. */
  readonly checksum?: 'good' | 'bad' | 'partial' | number;
  /** Header length in 32-bit words, to lie about it. */
  readonly dataOffset?: number;
}

/** One option of a header: its kind and all its bytes, kind and length included. */
export interface TcpOption {
  readonly kind: number;
  readonly bytes: Uint8Array;
}

/** A TCP segment read back. */
export interface TcpSegment {
  readonly from: number;
  readonly to: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: string;
  readonly window: number;
  readonly urgent: number;
  readonly checksum: number;
  readonly headerLength: number;
  readonly options: readonly TcpOption[];
  readonly payload: Uint8Array;
}

/** A TCP segment's bytes, header and payload, checked against `from` and `to`. */
export function encodeTcp(
  fields: TcpFields,
  payload: Uint8Array,
  from: Uint8Array,
  to: Uint8Array,
): Uint8Array {
  const options = concat(...(fields.options ?? []));
  const padding = new Uint8Array((4 - (options.length % 4)) % 4);
  const words = fields.dataOffset ?? (20 + options.length + padding.length) / 4;
  const segment = concat(
    u16(fields.from),
    u16(fields.to),
    u32(fields.seq ?? 0),
    u32(fields.ack ?? 0),
    Uint8Array.of((words & 15) << 4, flagBits(fields.flags)),
    u16(fields.window ?? 65535),
    u16(0),
    u16(fields.urgent ?? 0),
    options,
    padding,
    payload,
  );
  segment.set(u16(checksumField(fields.checksum ?? 'good', segment, from, to, PROTOCOL.tcp)), 16);
  return segment;
}

/** The checksum of `segment` in the wanted manner; the checksum field in it must be zero. */
export function checksumField(
  manner: 'good' | 'bad' | 'partial' | number,
  segment: Uint8Array,
  from: Uint8Array,
  to: Uint8Array,
  protocol: number,
): number {
  if (typeof manner === 'number') return manner;
  const pseudo = pseudoHeader(from, to, protocol, segment.length);
  if (manner === 'partial') return onesSum(pseudo);
  const good = internetChecksum(concat(pseudo, segment));
  return manner === 'good' ? good : good ^ 1;
}

/** Whether the checksum in `segment` is right: complete, or just the pseudo-header's sum where it is partial. */
export function tcpChecksumRight(
  segment: Uint8Array,
  from: Uint8Array,
  to: Uint8Array,
  partial = false,
): boolean {
  const pseudo = pseudoHeader(from, to, PROTOCOL.tcp, segment.length);
  if (partial) return readU16(segment, 16) === onesSum(pseudo);
  return internetChecksum(concat(pseudo, segment)) === 0;
}

/** Reads a segment; `undefined` when the header is cut off or its length makes no sense. */
export function decodeTcp(bytes: Uint8Array): TcpSegment | undefined {
  if (bytes.length < 20) return undefined;
  const headerLength = (bytes[12]! >> 4) * 4;
  if (headerLength < 20 || headerLength > bytes.length) return undefined;
  return {
    from: readU16(bytes, 0),
    to: readU16(bytes, 2),
    seq: readU32(bytes, 4),
    ack: readU32(bytes, 8),
    flags: flagLetters(bytes[13]!),
    window: readU16(bytes, 14),
    checksum: readU16(bytes, 16),
    urgent: readU16(bytes, 18),
    headerLength,
    options: decodeOptions(bytes.subarray(20, headerLength)),
    payload: bytes.slice(headerLength),
  };
}

/** The options of a header up to its end or the first one whose length makes no sense; NOPs left out. */
function decodeOptions(bytes: Uint8Array): TcpOption[] {
  const options: TcpOption[] = [];
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    if (bytes[at] === 1) {
      at += 1;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    if (length < 2 || at + length > bytes.length) break;
    options.push({ kind: bytes[at]!, bytes: bytes.slice(at, at + length) });
    at += length;
  }
  return options;
}

function flagBits(letters: string): number {
  return [...letters].reduce((bits, letter) => bits | (1 << FLAG_LETTERS.indexOf(letter)), 0);
}

/** Flags as letters, SYN first as people write them: `SA`, `PA`, `FA`, `R`. */
function flagLetters(bits: number): string {
  return [...'SFRPUAEC'].filter((letter) => bits & (1 << FLAG_LETTERS.indexOf(letter))).join('');
}

/** TCP options as bytes, to be put one after another. */
export const tcpOption = {
  nop: Uint8Array.of(1),
  end: Uint8Array.of(0),
  sackPermitted: Uint8Array.of(4, 2),
  mss: (size: number) => concat(Uint8Array.of(2, 4), u16(size)),
  windowScale: (shift: number) => Uint8Array.of(3, 3, shift),
  timestamps: (value: number, echo: number) => concat(Uint8Array.of(8, 10), u32(value), u32(echo)),
  /** Pairs of left and right edge (RFC 2018). */
  sack: (...edges: readonly number[]) => concat(Uint8Array.of(5, 2 + 4 * edges.length), ...edges.map(u32)),
  /** TCP Fast Open (RFC 7413). */
  fastOpen: (cookie: Uint8Array) => concat(Uint8Array.of(34, 2 + cookie.length), cookie),
  /** TCP Fast Open in its experimental form: kind 254 with the magic number F989. */
  fastOpenExperimental: (cookie: Uint8Array) =>
    concat(Uint8Array.of(254, 4 + cookie.length, 0xf9, 0x89), cookie),
  /** A TCP Option Address: kind, length, port, address. */
  toa: (client: HostPort, kind = 254) =>
    concat(Uint8Array.of(kind, 4 + client.address.length), u16(client.port), client.address),
  /** Any option: kind, length, body. */
  raw: (kind: number, body: Uint8Array = new Uint8Array()) =>
    concat(Uint8Array.of(kind, 2 + body.length), body),
};
