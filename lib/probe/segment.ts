import { finish, fold, sumWords } from '../net/checksum.js';
import { PROTOCOL_TCP } from '../net/ipv4.js';
import {
  TCP_ACKNOWLEDGMENT,
  TCP_CHECKSUM,
  TCP_DATA_OFFSET,
  TCP_FLAGS,
  TCP_HEADER,
  TCP_SEQUENCE,
  TCP_WINDOW,
} from '../net/tcp.js';

/** A TCP segment (RFC 9293). Sequence numbers are 0 to 2^32 - 1; options are whole 32-bit words, up to 40 bytes. */
export interface Segment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  readonly window: number;
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

/** The part of the checksum that all segments between two hosts share, both ways: their addresses and the protocol. */
export function addressSum(one: Uint8Array, other: Uint8Array): number {
  const sums = [one, other].map((bytes) => sumWords(viewOf(bytes), 0, bytes.length));
  return fold(sums.reduce((sum, each) => sum + each, PROTOCOL_TCP));
}

/** Writes a segment with its checksum. `addresses` is what `addressSum` says of the two hosts. */
export function encodeSegment(segment: Segment, addresses: number): Uint8Array {
  const { options, payload } = segment;
  const bytes = new Uint8Array(TCP_HEADER + options.length + payload.length);
  const view = viewOf(bytes);
  view.setUint16(0, segment.sourcePort);
  view.setUint16(2, segment.destinationPort);
  view.setUint32(TCP_SEQUENCE, segment.sequence);
  view.setUint32(TCP_ACKNOWLEDGMENT, segment.acknowledgment);
  view.setUint8(TCP_DATA_OFFSET, ((TCP_HEADER + options.length) / 4) << 4);
  view.setUint8(TCP_FLAGS, segment.flags);
  view.setUint16(TCP_WINDOW, segment.window);
  bytes.set(options, TCP_HEADER);
  bytes.set(payload, TCP_HEADER + options.length);
  view.setUint16(TCP_CHECKSUM, finish(addresses + bytes.length + sumWords(view, 0, bytes.length)));
  return bytes;
}

/** Reads a segment; undefined where the bytes are none. */
export function decodeSegment(bytes: Uint8Array): Segment | undefined {
  if (bytes.length < TCP_HEADER) return undefined;
  const view = viewOf(bytes);
  const header = (view.getUint8(TCP_DATA_OFFSET) >> 4) * 4;
  if (header < TCP_HEADER || header > bytes.length) return undefined;
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    sequence: view.getUint32(TCP_SEQUENCE),
    acknowledgment: view.getUint32(TCP_ACKNOWLEDGMENT),
    flags: view.getUint8(TCP_FLAGS),
    window: view.getUint16(TCP_WINDOW),
    options: bytes.subarray(TCP_HEADER, header),
    payload: bytes.subarray(header),
  };
}

/**
 * Whether the checksum is right, or partial: the sum of the pseudo-header alone, left to be completed by a device that a
 * segment from this very machine, or from its neighbor over a virtual cable, never passed.
 */
export function checksumFits(bytes: Uint8Array, addresses: number): boolean {
  const view = viewOf(bytes);
  const pseudoHeader = fold(addresses + bytes.length);
  return (
    fold(pseudoHeader + sumWords(view, 0, bytes.length)) === 0xffff ||
    view.getUint16(TCP_CHECKSUM) === pseudoHeader
  );
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
