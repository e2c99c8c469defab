import { delta32, negate } from '../../net/checksum.js';
import { ACK, FIN, RST, SYN, SYN_ACK, TCP_ACKNOWLEDGMENT, TCP_HEADER, TCP_SEQUENCE } from '../../net/tcp.js';
import { proxyHeaderLength } from '../connection/proxy-header.js';
import {
  CHECKSUM_DELTAS,
  CLIENT,
  CLIENT_PORTS,
  FIRST_DATA_SEQUENCE,
  FLAG_HEADER_SENT,
  FLAG_SERVER_SEEN,
  FLAG_SYN_ACK_SEEN,
  FLAG_SYN_PROXY,
  LOCAL,
  SEQUENCE_DELTA,
  SERVER,
  SERVER_ACKNOWLEDGED,
  SERVER_END,
  SERVER_PORTS,
  STATE,
  swapPorts,
  VIP,
} from '../connection/record.js';
import type { Counters } from '../counters.js';
import type { Emitted } from '../emitted.js';
import type { Frame } from '../frame.js';
import { shiftClientSegment, shiftServerSegment } from '../syn-proxy/shift.js';
import { cleanClientOptions } from './client-options.js';
import type { Forwarding } from './forwarding.js';
import { beginRewrite, finishRewrite } from './rewrite.js';
import { lowerMss, shiftSack } from './server-options.js';
import { outgrowsIp, splitGso } from './split.js';
import { insertToa, type ToaSetting, toaRoom } from './toa.js';

/**
 * NAT and FULLNAT. To the client a packet comes from the VIP. With FULLNAT it comes to the real server from a local
 * address of ours, which many clients share: their sequence numbers are shifted, so that the real server sees initial
 * ones that grow with time at each local port, and options that would betray the sharing are taken off the SYN. NAT is
 * the same with the client's own address in place of a local one, and nothing shared.
 */
export const translation: Forwarding = {
  growth: () => 0,
  growthToClient: 0,
  splitAhead,
  toServer,
  toClient,
};

/** A GSO frame that the option would make too long for its IP header goes in two halves. */
function splitAhead(
  frame: Frame,
  words: Int32Array,
  base: number,
  toa: ToaSetting,
  emitted: Emitted,
  counters: Counters,
): Frame | undefined {
  if (frame.segments < 2 || !outgrowsIp(frame, toaRoom(toa.format)) || !isToaDue(frame, words, base, toa)) {
    return undefined;
  }
  return splitGso(frame, emitted, counters);
}

/** Rewrites a client's packet for the real server. */
function toServer(
  frame: Frame,
  words: Int32Array,
  base: number,
  toa: ToaSetting,
  mtu: number,
  counters: Counters,
): void {
  beginRewrite(frame);
  if (frame.l4Length > TCP_HEADER) cleanClientOptions(frame, toa, counters);
  if (isToaDue(frame, words, base, toa)) insertToa(frame, words, base, toa, mtu, counters);
  if ((words[base + STATE]! & FLAG_SYN_PROXY) !== 0) shiftClientSegment(frame, words, base);
  const deltas = words[base + CHECKSUM_DELTAS]!;
  let tcpDelta = deltas & 0xffff;
  const delta = clientDelta(frame, words, base);
  if (delta !== 0) {
    const sequence = (frame.sequence + delta) | 0;
    frame.view.setInt32(frame.l4 + TCP_SEQUENCE, sequence);
    tcpDelta += delta32(frame.sequence, sequence);
  }
  const ports = swapPorts(words[base + SERVER_PORTS]!);
  finishRewrite(frame, words, base + LOCAL, base + SERVER, ports, deltas >>> 16, tcpDelta);
}

/** What is added to a packet's sequence number: a SYN stands before a PROXY header, all else behind it. */
function clientDelta({ tcpFlags }: Frame, words: Int32Array, base: number): number {
  const delta = words[base + SEQUENCE_DELTA]!;
  if ((tcpFlags & SYN) === 0 || (words[base + STATE]! & FLAG_HEADER_SENT) === 0) return delta;
  return (delta - proxyHeaderLength(words, base)) | 0;
}

/** Rewrites a real server's packet for the client. */
function toClient(
  frame: Frame,
  words: Int32Array,
  base: number,
  toa: ToaSetting,
  serverMtu: number,
  counters: Counters,
): void {
  beginRewrite(frame);
  if ((words[base + STATE]! & FLAG_SYN_PROXY) !== 0) shiftServerSegment(frame, words, base);
  const flags = frame.tcpFlags;
  const delta = words[base + SEQUENCE_DELTA]!;
  if ((flags & SYN_ACK) === SYN_ACK) {
    words[base + FIRST_DATA_SEQUENCE] = (frame.sequence + 1) | 0;
    words[base + STATE]! |= FLAG_SYN_ACK_SEEN;
    if (toa.shared) lowerMss(frame, serverMtu, toa.onAck ? toaRoom(toa.format) : 0, counters);
  } else if (delta !== 0 && frame.l4Length > TCP_HEADER) {
    shiftSack(frame, delta);
  }
  if ((flags & (RST | ACK)) === ACK) noteServerProgress(frame, words, base);
  const deltas = words[base + CHECKSUM_DELTAS]!;
  let tcpDelta = negate(deltas & 0xffff);
  if (delta !== 0 && (flags & ACK) !== 0) {
    const acknowledgment = (frame.acknowledgment - delta) | 0;
    frame.view.setInt32(frame.l4 + TCP_ACKNOWLEDGMENT, acknowledgment);
    tcpDelta += delta32(frame.acknowledgment, acknowledgment);
  }
  const ports = swapPorts(words[base + CLIENT_PORTS]!);
  finishRewrite(frame, words, base + VIP, base + CLIENT, ports, negate(deltas >>> 16), tcpDelta);
}

/** The SYN where the service asks for it; then every segment until the client acknowledges the server's first byte. */
function isToaDue(frame: Frame, words: Int32Array, base: number, toa: ToaSetting): boolean {
  if ((frame.tcpFlags & RST) !== 0) return false;
  if ((frame.tcpFlags & SYN) !== 0) return toa.onSyn;
  return (
    toa.onAck &&
    (words[base + STATE]! & FLAG_SYN_ACK_SEEN) !== 0 &&
    frame.acknowledgment === words[base + FIRST_DATA_SEQUENCE] &&
    (frame.tcpFlags & ACK) !== 0
  );
}

/** Remembers how far the real server is, for the RSTs of an expired connection. */
function noteServerProgress(frame: Frame, words: Int32Array, base: number): void {
  const flags = frame.tcpFlags;
  const seen = (words[base + STATE]! & FLAG_SERVER_SEEN) !== 0;
  if (seen && ((frame.acknowledgment - words[base + SERVER_ACKNOWLEDGED]!) | 0) < 0) return;
  words[base + SERVER_ACKNOWLEDGED] = frame.acknowledgment;
  const occupied = frame.payload + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
  const end = (frame.sequence + occupied) | 0;
  // Not back again for a retransmission or a keep-alive probe: the client would not take an RST in the past.
  if (!seen || ((end - words[base + SERVER_END]!) | 0) > 0) words[base + SERVER_END] = end;
  words[base + STATE]! |= FLAG_SERVER_SEEN;
}
