import { applyDelta, applyPartialDelta, delta16, fold } from '../../net/checksum.js';
import {
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
  PROTOCOL_UDP,
} from '../../net/ipv4.js';
import {
  IPV6_DESTINATION,
  IPV6_HOP_LIMIT,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
  writeIpv6Address,
} from '../../net/ipv6.js';
import { OPTION_NOP, TCP_CHECKSUM, TCP_DATA_OFFSET, TCP_HEADER, TCP_MAX_OPTIONS } from '../../net/tcp.js';
import { UDP_CHECKSUM } from '../../net/udp.js';
import { VNET_HEADER, VNET_HEADER_LENGTH, VNET_LITTLE_ENDIAN } from '../../net/virtio.js';
import type { Frame } from '../frame.js';

/**
 * Changes to a packet under way. Each notes its checksum delta in the frame; `finishRewrite` applies the sums once.
 */

/** Where `replaceOptions` takes the new options from. */
export const newOptions = new Uint8Array(TCP_MAX_OPTIONS);

/** Of the word with the TTL in its high byte, which goes down by 0x0100. */
const TTL_DELTA = 0xfeff;

/** Starts a rewrite: no deltas yet. */
export function beginRewrite(frame: Frame): void {
  frame.ipDelta = 0;
  frame.pseudoDelta = 0;
  frame.tcpDelta = 0;
}

/** Notes the delta of a change at `at` within the TCP header; at an odd offset its bytes count the other way round. */
export function noteTcpDelta(frame: Frame, at: number, delta: number): void {
  if (((at - frame.l4) & 1) === 0) frame.tcpDelta += delta;
  else {
    const folded = fold(delta);
    frame.tcpDelta += ((folded & 0xff) << 8) | (folded >> 8);
  }
}

/** Overwrites `length` bytes of options with NOPs. */
export function blankOptions(frame: Frame, at: number, length: number): void {
  const { bytes, l4 } = frame;
  let delta = 0;
  for (let i = at; i < at + length; i++) {
    const shift = ((i - l4) & 1) === 0 ? 8 : 0;
    delta += delta16(bytes[i]! << shift, OPTION_NOP << shift);
    bytes[i] = OPTION_NOP;
  }
  frame.tcpDelta += delta;
}

/**
 * Puts the first `length` bytes (a multiple of 4, up to 40) of `newOptions` in place of the TCP options. The headers
 * before them move, so that the payload does not; lengths, data offset and the vnet header follow.
 */
export function replaceOptions(frame: Frame, length: number): void {
  const { bytes, view } = frame;
  const growth = length - (frame.l4Length - TCP_HEADER);
  for (let at = frame.l4 + TCP_HEADER; at < frame.l4 + frame.l4Length; at += 2) {
    frame.tcpDelta += ~view.getUint16(at) & 0xffff;
  }
  for (let i = 0; i < length; i += 2) frame.tcpDelta += (newOptions[i]! << 8) | newOptions[i + 1]!;
  if (growth !== 0) {
    const tcpBytes = frame.l4Length + frame.payload;
    bytes.copyWithin(frame.start - VNET_HEADER - growth, frame.start - VNET_HEADER, frame.l4 + TCP_HEADER);
    frame.start -= growth;
    frame.l3 -= growth;
    frame.l4 -= growth;
    frame.length += growth;
    frame.l4Length += growth;
    const offsetAndFlags = view.getUint16(frame.l4 + TCP_DATA_OFFSET);
    const newOffsetAndFlags = (offsetAndFlags & 0x0fff) | (frame.l4Length << 10);
    view.setUint16(frame.l4 + TCP_DATA_OFFSET, newOffsetAndFlags);
    frame.tcpDelta += delta16(offsetAndFlags, newOffsetAndFlags);
    frame.pseudoDelta += delta16(tcpBytes, tcpBytes + growth);
    growIpLength(frame, growth);
    const headerLengthAt = frame.start - VNET_HEADER + VNET_HEADER_LENGTH;
    const headerLength = view.getUint16(headerLengthAt, VNET_LITTLE_ENDIAN);
    if (headerLength !== 0) view.setUint16(headerLengthAt, headerLength + growth, VNET_LITTLE_ENDIAN);
  }
  const options = frame.l4 + TCP_HEADER;
  for (let i = 0; i < length; i++) bytes[options + i] = newOptions[i]!;
}

/** Adds `growth` to the length in the IP header. */
export function growIpLength(frame: Frame, growth: number): void {
  const at = frame.l3 + (frame.family === 4 ? IPV4_TOTAL_LENGTH : IPV6_PAYLOAD_LENGTH);
  const before = frame.view.getUint16(at);
  frame.view.setUint16(at, before + growth);
  frame.ipDelta += delta16(before, before + growth);
}

/**
 * Ends a rewrite: new addresses and ports, one hop less to live (the caller has made sure that there is more than
 * one), and the checksums with all deltas since `beginRewrite`.
 * @param source, destination where in `words` the addresses stand, four words each
 * @param addressDelta of both addresses together @param tcpDelta of the ports and what else the caller changed
 */
export function finishRewrite(
  frame: Frame,
  words: Int32Array,
  source: number,
  destination: number,
  ports: number,
  addressDelta: number,
  tcpDelta: number,
): void {
  const { bytes, view, l3, l4 } = frame;
  view.setInt32(l4, ports);
  writeAddresses(frame, words, source, destination);
  if (frame.family === 4) {
    bytes[l3 + IPV4_TTL]! -= 1;
    applyDelta(view, l3 + IPV4_CHECKSUM, frame.ipDelta + addressDelta + TTL_DELTA);
  } else bytes[l3 + IPV6_HOP_LIMIT]! -= 1;
  const pseudoDelta = frame.pseudoDelta + addressDelta;
  if (frame.protocol === PROTOCOL_UDP) applyUdpDelta(frame, pseudoDelta, tcpDelta);
  else if (frame.partial) applyPartialDelta(view, l4 + TCP_CHECKSUM, pseudoDelta);
  else applyDelta(view, l4 + TCP_CHECKSUM, pseudoDelta + frame.tcpDelta + tcpDelta);
}

/** Writes the addresses that stand at `source` and `destination` of `words`, four words each. */
export function writeAddresses(
  { view, l3, family }: Frame,
  words: Int32Array,
  source: number,
  destination: number,
): void {
  if (family === 4) {
    view.setInt32(l3 + IPV4_SOURCE, words[source + 3]!);
    view.setInt32(l3 + IPV4_DESTINATION, words[destination + 3]!);
    return;
  }
  writeIpv6Address(view, l3 + IPV6_SOURCE, words, source);
  writeIpv6Address(view, l3 + IPV6_DESTINATION, words, destination);
}

/**
 * Applies deltas to a UDP checksum. One of 0 is none, and stays so; one that becomes 0 is written as its other form
 * (RFC 768).
 */
export function applyUdpDelta({ view, l4, partial }: Frame, pseudoDelta: number, delta: number): void {
  const at = l4 + UDP_CHECKSUM;
  if (partial) {
    applyPartialDelta(view, at, pseudoDelta);
    return;
  }
  if (view.getUint16(at) === 0) return;
  applyDelta(view, at, pseudoDelta + delta);
  if (view.getUint16(at) === 0) view.setUint16(at, 0xffff);
}

/**
 * Moves the start of a frame, its vnet and Ethernet headers: what follows them is to begin `by` bytes further up. What
 * stands behind them at the new place is to be written after this.
 */
export function moveStart(frame: Frame, by: number): void {
  const { view } = frame;
  const from = frame.start - VNET_HEADER;
  // Word by word, and all read before one is written: copyWithin is a call that takes longer than the rest of a rewrite.
  const vnet0 = view.getInt32(from);
  const vnet1 = view.getInt32(from + 4);
  const vnet2AndMac0 = view.getInt32(from + 8);
  const mac1 = view.getInt32(from + 12);
  const mac2 = view.getInt32(from + 16);
  const mac3AndType = view.getInt32(from + 20);
  const to = from + by;
  view.setInt32(to, vnet0);
  view.setInt32(to + 4, vnet1);
  view.setInt32(to + 8, vnet2AndMac0);
  view.setInt32(to + 12, mac1);
  view.setInt32(to + 16, mac2);
  view.setInt32(to + 20, mac3AndType);
  frame.start += by;
  frame.length -= by;
}

/** One hop less to live; the caller has made sure that there is more than one. */
export function decrementTtl({ bytes, view, l3, family }: Frame): void {
  if (family === 4) {
    bytes[l3 + IPV4_TTL]! -= 1;
    applyDelta(view, l3 + IPV4_CHECKSUM, TTL_DELTA);
  } else bytes[l3 + IPV6_HOP_LIMIT]! -= 1;
}
