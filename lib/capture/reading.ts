import { type Endpoint, formatAddress, plainEndpoint } from '../net/address.js';
import { optionLength } from '../net/tcp.js';
import {
  decodeToa,
  experimentAt,
  type FormatSet,
  findToa,
  formatById,
  isPlausibleClient,
  portLooksLikeExid,
  type ToaFound,
  type ToaRecord,
  type ToaRefusal,
} from '../toa/index.js';
import type { Segment } from './segment.js';

/**
 * Why a segment names no client: what {@link ToaRefusal} says, and
 * - `implausible-client`: an address or port that no client has (127.0.0.1, multicast, port 0);
 * - `vip-only`: the option names the virtual service alone;
 * - `not-captured`: the capture ends within the options.
 */
export type Refusal =
  | Exclude<ToaRefusal, 'truncated-header' | 'bad-data-offset'>
  | 'implausible-client'
  | 'vip-only'
  | 'not-captured';

/** What is odd about the options of one segment. */
export type SegmentOddity = 'malformed' | 'duplicate' | 'several-formats' | 'forged' | 'port-like-exid';

/** What the options of one segment say. */
export interface Reading {
  /** The client, where one is named that can be. */
  readonly client: Endpoint | undefined;
  /** Why there is no client; undefined where there is one. */
  readonly refusal: Refusal | undefined;
  /** The first valid option, also where it is refused for what it names. */
  readonly record: ToaRecord | undefined;
  /** The option's kind and length byte, where there is one to name, else 0. */
  readonly kind: number;
  readonly length: number;
  readonly oddities: readonly SegmentOddity[];
}

/** Reads the options of a TCP header, given from the source port on; `cut` says that the capture ends within them. */
export function readHeader(header: Uint8Array, formats: FormatSet, cut = false): Reading {
  const finding = findToa(header, formats);
  if (finding.record) return readFound(header, finding, formats);
  const refusal = cut ? 'not-captured' : refusalOf(header, finding.refusal, finding.offset);
  const { kind, length } = finding;
  const none = { client: undefined, record: undefined, refusal };
  if (refusal === 'none' || refusal === 'not-captured') return { ...none, kind: 0, length: 0, oddities: [] };
  return { ...none, kind, length, oddities: ['malformed'] };
}

/** Kinds 253, 254 and 28 have other users as well, whose options are no broken TOA. */
function refusalOf(header: Uint8Array, refusal: ToaRefusal, option: number): Refusal {
  if (refusal === 'truncated-header' || refusal === 'bad-data-offset') return 'none'; // not a header at all
  const others =
    refusal === 'wrong-length' && (experimentAt(header, option) ?? userTimeoutAt(header, option));
  return others ? 'none' : refusal;
}

/** TCP User Timeout (RFC 5482) is kind 28 with 4 bytes. */
function userTimeoutAt(header: Uint8Array, option: number): boolean {
  return header[option] === 28 && header[option + 1] === 4;
}

function readFound(header: Uint8Array, found: ToaFound, formats: FormatSet): Reading {
  const { record, kind, length } = found;
  const format = formatById(record.format);
  const client = record.client && plainEndpoint(record.client.address, record.client.port);
  const plausible = client !== undefined && isPlausibleClient(client, format.client?.port !== undefined);
  const oddities: SegmentOddity[] = [];
  if (client && !plausible) oddities.push('malformed');
  if (found.duplicates > 0) oddities.push(...contradictions(header, found, formats));
  if (client && portLooksLikeExid(format, client.port)) oddities.push('port-like-exid');
  return {
    client: plausible ? client : undefined,
    refusal: plausible ? undefined : client ? 'implausible-client' : 'vip-only',
    record,
    kind,
    length,
    oddities,
  };
}

/** What further valid options do: repeat the first one's format, have another, name another client. */
function contradictions(header: Uint8Array, found: ToaFound, formats: FormatSet): SegmentOddity[] {
  const others = recordsBehind(header, found.offset + found.length, formats);
  const { format, client } = found.record;
  const oddities: SegmentOddity[] = [];
  if (others.some((other) => other.format === format)) oddities.push('duplicate');
  if (others.some((other) => other.format !== format)) oddities.push('several-formats');
  if (others.some((other) => !sameClient(client, other.client))) oddities.push('forged');
  return oddities;
}

/** The options that `findToa` counts as duplicates, and one that completes the first. */
function recordsBehind(header: Uint8Array, from: number, formats: FormatSet): ToaRecord[] {
  const records: ToaRecord[] = [];
  let length: number;
  for (let at = from; ; at += length) {
    length = optionLength(header, at, header.length);
    if (length === 0) return records;
    const format = formats.match(header[at]!, length);
    const record = format && decodeToa(format, header, at);
    if (record && !(at === from && format.client === undefined)) records.push(record);
  }
}

/** Whether two options name the same client; one that names none says nothing against it, nor does a format without a port. */
export function sameClient(one: Endpoint | undefined, other: Endpoint | undefined): boolean {
  if (!one || !other) return true;
  const samePort = one.port === other.port || one.port === 0 || other.port === 0;
  return samePort && plainEndpoint(one.address, 0).address === plainEndpoint(other.address, 0).address;
}

/** The endpoint that a segment comes from or goes to. */
export function endpointOf(segment: Segment, end: 'source' | 'destination'): Endpoint {
  const { bytes, family } = segment;
  const port = end === 'source' ? segment.sourcePort : segment.destinationPort;
  return { address: formatAddress(bytes, segment[end], family), port, family };
}
