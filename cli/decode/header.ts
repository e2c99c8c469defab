import { endpointOf, LinkType, type Reading, readHeader, Segment } from '../../lib/capture/index.js';
import { ToaError } from '../../lib/errors.js';
import { TCP_DATA_OFFSET, TCP_FLAGS, TCP_HEADER, TCP_MAX_OPTIONS } from '../../lib/net/tcp.js';
import type { Endpoint, FormatSet } from '../../lib/toa/index.js';
import { type DecodedOption, decodeOptions, isOptionList } from './options.js';

/** What bytes can be taken for. */
export const forms = ['options', 'tcp', 'ip', 'frame'] as const;
export type Form = (typeof forms)[number];

/** A TCP header, or options alone, taken apart. */
export interface DecodedHeader {
  readonly form: Form;
  /** Undefined for options alone; addresses only where an IP header told them. */
  readonly ports: { readonly source: number; readonly destination: number } | undefined;
  readonly source: Endpoint | undefined;
  readonly destination: Endpoint | undefined;
  readonly flags: readonly string[];
  /** Offsets in them count from the first byte that was given. */
  readonly options: readonly DecodedOption[];
  readonly reading: Reading;
}

/**
 * Takes bytes apart, as `form` or as what they look like: an IP packet, an Ethernet frame, a list of options, a TCP header.
 * @throws ToaError ERR_TOA_USAGE where they are not that
 */
export function decodeHeader(bytes: Uint8Array, form: Form | 'auto', formats: FormatSet): DecodedHeader {
  const is = form === 'auto' ? detect(bytes, formats) : form;
  switch (is) {
    case 'frame':
    case 'ip':
      return decodeSegment(locate(bytes, is), 0, is, formats);
    case 'tcp':
      return decodeTcp(bytes, formats);
    case 'options':
      return decodeBareOptions(bytes, formats);
  }
}

function detect(bytes: Uint8Array, formats: FormatSet): Form {
  const segment = new Segment();
  if (segment.locate(bytes, 0, bytes.length, LinkType.raw) === undefined) return 'ip';
  if (segment.locate(bytes, 0, bytes.length, LinkType.ethernet) === undefined) return 'frame';
  if (bytes.length <= TCP_MAX_OPTIONS && isOptionList(bytes, formats)) return 'options';
  if (bytes.length >= TCP_HEADER && tcpHeaderLength(bytes) >= TCP_HEADER) return 'tcp';
  return 'options';
}

function locate(bytes: Uint8Array, form: 'ip' | 'frame'): Segment {
  const segment = new Segment();
  const skipped = segment.locate(bytes, 0, bytes.length, form === 'ip' ? LinkType.raw : LinkType.ethernet);
  if (skipped !== undefined) throw usage(`${bytes.length} bytes that are no ${names[form]}: ${skipped}`);
  return segment;
}

/** The TCP header of a segment, in a packet that begins at `start`. */
export function decodeSegment(
  segment: Segment,
  start: number,
  form: 'ip' | 'frame',
  formats: FormatSet,
): DecodedHeader {
  const { bytes, header, captured, headerLength, tcp, flags } = segment;
  const source = endpointOf(segment, 'source');
  const destination = endpointOf(segment, 'destination');
  const packet = bytes.subarray(start, tcp + captured);
  return {
    form,
    ports: { source: source.port, destination: destination.port },
    source,
    destination,
    flags: flagNames(flags),
    options: decodeOptions(packet, tcp - start + TCP_HEADER, packet.length, formats),
    reading: readHeader(header, formats, captured < headerLength),
  };
}

function decodeTcp(bytes: Uint8Array, formats: FormatSet): DecodedHeader {
  if (bytes.length < TCP_HEADER) throw usage(`${bytes.length} bytes for a TCP header, which has 20 or more`);
  const length = tcpHeaderLength(bytes);
  if (length < TCP_HEADER) throw usage(`a TCP header that says it has ${length} bytes`);
  const end = Math.min(length, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    form: 'tcp',
    ports: { source: view.getUint16(0), destination: view.getUint16(2) },
    source: undefined,
    destination: undefined,
    flags: flagNames(bytes[TCP_FLAGS]!),
    options: decodeOptions(bytes, TCP_HEADER, end, formats),
    reading: readHeader(bytes.subarray(0, end), formats, end < length),
  };
}

/** Readers of TOA read headers: the options get one, without meaning. */
function decodeBareOptions(bytes: Uint8Array, formats: FormatSet): DecodedHeader {
  if (bytes.length > TCP_MAX_OPTIONS) {
    throw usage(`${bytes.length} bytes that are no packet and no TCP header, and too many for its options`);
  }
  const header = new Uint8Array(TCP_HEADER + bytes.length);
  header[TCP_DATA_OFFSET] = Math.ceil(header.length / 4) << 4;
  header.set(bytes, TCP_HEADER);
  return {
    form: 'options',
    ports: undefined,
    source: undefined,
    destination: undefined,
    flags: [],
    options: decodeOptions(bytes, 0, bytes.length, formats),
    reading: readHeader(header, formats),
  };
}

const tcpHeaderLength = (bytes: Uint8Array) => (bytes[TCP_DATA_OFFSET]! >> 4) * 4;

/** In words. */
export const names = {
  options: 'options',
  tcp: 'TCP header',
  ip: 'IP packet with TCP',
  frame: 'Ethernet frame with TCP',
};

function flagNames(flags: number): string[] {
  return ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'].filter(
    (_, bit) => (flags & (1 << bit)) !== 0,
  );
}

function usage(given: string): ToaError {
  return new ToaError(
    'ERR_TOA_USAGE',
    `given ${given}, wanted options, a TCP header, an IP packet or a frame`,
    {
      hint: '--as says what the bytes are',
    },
  );
}
