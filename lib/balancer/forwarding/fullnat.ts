import { delta32, fold, negate } from '../../net/checksum.js';
import { ACK, FIN, RST, SYN, TCP_ACKNOWLEDGMENT, TCP_HEADER, TCP_SEQUENCE } from '../../net/tcp.js';
import {
  CHECKSUM_DELTAS,
  CLIENT,
  CLIENT_PORTS,
  FIRST_DATA_SEQUENCE,
  FLAG_SERVER_SEEN,
  FLAG_SYN_ACK_SEEN,
  LOCAL,
  SEQUENCE_DELTA,
  SERVER,
  SERVER_ACKNOWLEDGED,
  SERVER_END,
  SERVER_PORTS,
  STATE,
  VIP,
} from '../connection/record.js';
import type { Counters } from '../counters.js';
import type { Frame } from '../frame.js';
import { cleanClientOptions } from './client-options.js';
import { beginRewrite, finishRewrite } from './rewrite.js';
import { lowerMss, shiftSack } from './server-options.js';
import { insertToa, type ToaSetting, toaRoom } from './toa.js';

/**
 * FULLNAT: to the real server a packet comes from a local address of ours, to the client from the VIP. The client's
 * sequence numbers are shifted, so that the real server sees initial ones that grow with time at each local port.
 */

/** Notes once in a new connection's record what its address and port changes do to checksums. */
export function noteChecksumDeltas(words: Int32Array, base: number): void {
  let addresses = 0;
  for (let i = 0; i < 4; i++) {
    addresses += delta32(words[base + CLIENT + i]!, words[base + LOCAL + i]!);
    addresses += delta32(words[base + VIP + i]!, words[base + SERVER + i]!);
  }
  const ports = delta32(words[base + CLIENT_PORTS]!, swapPorts(words[base + SERVER_PORTS]!));
  words[base + CHECKSUM_DELTAS] = (fold(addresses) << 16) | fold(ports);
}

/** Rewrites a client's packet for the real server. */
export function toServer(
  frame: Frame,
  words: Int32Array,
  base: number,
  toa: ToaSetting,
  mtu: number,
  counters: Counters,
): void {
  beginRewrite(frame);
  if (frame.tcpLength > TCP_HEADER) cleanClientOptions(frame, toa.cascade, counters);
  if (isToaDue(frame, words, base, toa)) insertToa(frame, words, base, toa, mtu, counters);
  const sequence = (frame.sequence + words[base + SEQUENCE_DELTA]!) | 0;
  frame.view.setInt32(frame.l4 + TCP_SEQUENCE, sequence);
  const deltas = words[base + CHECKSUM_DELTAS]!;
  const tcpDelta = delta32(frame.sequence, sequence) + (deltas & 0xffff);
  const ports = swapPorts(words[base + SERVER_PORTS]!);
  finishRewrite(frame, words, base + LOCAL, base + SERVER, ports, deltas >>> 16, tcpDelta);
}

/** Rewrites a real server's packet for the client. */
export function toClient(
  frame: Frame,
  words: Int32Array,
  base: number,
  toa: ToaSetting,
  serverMtu: number,
  counters: Counters,
): void {
  beginRewrite(frame);
  const flags = frame.tcpFlags;
  const delta = words[base + SEQUENCE_DELTA]!;
  if ((flags & (SYN | ACK)) === (SYN | ACK)) {
    words[base + FIRST_DATA_SEQUENCE] = (frame.sequence + 1) | 0;
    words[base + STATE]! |= FLAG_SYN_ACK_SEEN;
    lowerMss(frame, serverMtu, toa.onAck ? toaRoom(toa.format) : 0, counters);
  } else if (frame.tcpLength > TCP_HEADER) {
    shiftSack(frame, delta);
  }
  noteServerProgress(frame, words, base);
  const deltas = words[base + CHECKSUM_DELTAS]!;
  let tcpDelta = negate(deltas & 0xffff);
  if ((flags & ACK) !== 0) {
    const acknowledgment = (frame.acknowledgment - delta) | 0;
    frame.view.setInt32(frame.l4 + TCP_ACKNOWLEDGMENT, acknowledgment);
    tcpDelta += delta32(frame.acknowledgment, acknowledgment);
  }
  const ports = swapPorts(words[base + CLIENT_PORTS]!);
  finishRewrite(frame, words, base + VIP, base + CLIENT, ports, negate(deltas >>> 16), tcpDelta);
}

/** The SYN where the service asks for it; then every segment until the client acknowledges the server's first byte. */
export function isToaDue(frame: Frame, words: Int32Array, base: number, toa: ToaSetting): boolean {
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
  if ((flags & (RST | ACK)) !== ACK) return;
  const seen = (words[base + STATE]! & FLAG_SERVER_SEEN) !== 0;
  if (seen && ((frame.acknowledgment - words[base + SERVER_ACKNOWLEDGED]!) | 0) < 0) return;
  words[base + SERVER_ACKNOWLEDGED] = frame.acknowledgment;
  const occupied = frame.payload + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
  const end = (frame.sequence + occupied) | 0;
  // Not back again for a retransmission or a keep-alive probe: the client would not take an RST in the past.
  if (!seen || ((end - words[base + SERVER_END]!) | 0) > 0) words[base + SERVER_END] = end;
  words[base + STATE]! |= FLAG_SERVER_SEEN;
}

/** Exchanges source and destination port. */
export function swapPorts(ports: number): number {
  return (ports << 16) | (ports >>> 16);
}
