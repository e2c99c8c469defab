import { applyDelta, delta16, delta32, negate } from '../../net/checksum.js';
import { IPV4_CHECKSUM, PROTOCOL_TCP, PROTOCOL_UDP } from '../../net/ipv4.js';
import {
  ACK,
  TCP_ACKNOWLEDGMENT,
  TCP_CHECKSUM,
  TCP_DATA_OFFSET,
  TCP_FLAGS,
  TCP_HEADER,
  TCP_SEQUENCE,
} from '../../net/tcp.js';
import {
  CHECKSUM_DELTAS,
  CLIENT,
  CLIENT_PORTS,
  LOCAL,
  SEQUENCE_DELTA,
  SERVER,
  SERVER_PORTS,
  SERVER_SEQUENCE_DELTA,
  VIP,
} from '../connection/record.js';
import { applyUdpDelta, beginRewrite, growIpLength, writeAddresses } from '../forwarding/rewrite.js';
import { shiftSack } from '../forwarding/server-options.js';
import { startsWithToa, type ToaSetting, toaRoom } from '../forwarding/toa.js';
import type { Frame } from '../frame.js';
import { quotedTransport } from './quoted-packet.js';

/**
 * Undoes in a quoted packet what NAT and FULLNAT did to it, so that its sender knows it again. Checksums follow where
 * they are quoted (IPVS and its descendants leave TCP's as it was); what is cut off is left alone.
 */

/**
 * A packet of the client's, as it went to the real server.
 * @returns the bytes by which such a packet may be longer than it was, for the option: what the quote had, or where it
 * is too short to tell, what it may have had
 */
export function restoreClientPacket(quote: Frame, words: Int32Array, base: number, toa: ToaSetting): number {
  beginRewrite(quote);
  let room = 0;
  if (quote.protocol === PROTOCOL_TCP) {
    shift(quote, TCP_SEQUENCE, -words[base + SEQUENCE_DELTA]!);
    restoreAcknowledgments(quote, words[base + SERVER_SEQUENCE_DELTA]!);
    if (toa.onSyn || toa.onAck) room = takeOutToa(quote, words, base, toa);
  }
  const deltas = words[base + CHECKSUM_DELTAS]!;
  quote.tcpDelta += negate(deltas & 0xffff);
  finish(quote, words, base + CLIENT, base + VIP, words[base + CLIENT_PORTS]!, negate(deltas >>> 16));
  return room;
}

/** A packet of the real server's, as it went to the client. */
export function restoreServerPacket(quote: Frame, words: Int32Array, base: number): void {
  beginRewrite(quote);
  if (quote.protocol === PROTOCOL_TCP) {
    shift(quote, TCP_SEQUENCE, -words[base + SERVER_SEQUENCE_DELTA]!);
    restoreAcknowledgments(quote, words[base + SEQUENCE_DELTA]!);
  }
  const deltas = words[base + CHECKSUM_DELTAS]!;
  quote.tcpDelta += deltas & 0xffff;
  finish(quote, words, base + SERVER, base + LOCAL, words[base + SERVER_PORTS]!, deltas >>> 16);
}

/** Adds `delta` to what the packet acknowledges, as far as that is quoted. */
function restoreAcknowledgments(quote: Frame, delta: number): void {
  if (quotedTransport(quote) <= TCP_FLAGS || delta === 0) return;
  if ((quote.bytes[quote.l4 + TCP_FLAGS]! & ACK) !== 0) shift(quote, TCP_ACKNOWLEDGMENT, delta);
  shiftSack(quote, -delta);
}

/** Adds `delta` to the sequence number at `field` of the TCP header. */
function shift(quote: Frame, field: number, delta: number): void {
  const at = quote.l4 + field;
  const before = quote.view.getInt32(at);
  const after = (before + delta) | 0;
  quote.view.setInt32(at, after);
  quote.tcpDelta += delta32(before, after);
}

/** Takes our option out of a TCP header that has it. */
function takeOutToa(quote: Frame, words: Int32Array, base: number, toa: ToaSetting): number {
  const room = toaRoom(toa.format);
  if (quotedTransport(quote) < TCP_HEADER + room) return room;
  if (quote.l4Length < TCP_HEADER + room || !startsWithToa(quote, words, base, toa.format)) return 0;
  const { bytes, view } = quote;
  const options = quote.l4 + TCP_HEADER;
  for (let at = options; at < options + room; at += 2) quote.tcpDelta += ~view.getUint16(at) & 0xffff;
  bytes.copyWithin(quote.start + room, quote.start, options);
  quote.start += room;
  quote.length -= room;
  quote.l3 += room;
  quote.l4 += room;
  quote.l4Length -= room;
  const offset = quote.l4 + TCP_DATA_OFFSET;
  const before = view.getUint16(offset);
  view.setUint16(offset, before - (room << 10));
  quote.tcpDelta += delta16(before, before - (room << 10));
  quote.pseudoDelta += delta16(room, 0);
  growIpLength(quote, -room);
  return room;
}

/** Writes addresses and ports, and applies all deltas to the checksums that are there. */
function finish(
  quote: Frame,
  words: Int32Array,
  source: number,
  destination: number,
  ports: number,
  addressDelta: number,
): void {
  const { view, l3, l4 } = quote;
  writeAddresses(quote, words, source, destination);
  view.setInt32(l4, ports);
  if (quote.family === 4) applyDelta(view, l3 + IPV4_CHECKSUM, quote.ipDelta + addressDelta);
  const pseudoDelta = quote.pseudoDelta + addressDelta;
  if (quote.protocol === PROTOCOL_UDP) applyUdpDelta(quote, pseudoDelta, quote.tcpDelta);
  else if (quotedTransport(quote) >= TCP_CHECKSUM + 2) {
    applyDelta(view, l4 + TCP_CHECKSUM, pseudoDelta + quote.tcpDelta);
  }
}
