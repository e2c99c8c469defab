import { delta16, delta32 } from '../../net/checksum.js';
import {
  ACK,
  OPTION_TIMESTAMP,
  optionLength,
  SYN,
  TCP_ACKNOWLEDGMENT,
  TCP_HEADER,
  TCP_SEQUENCE,
  TCP_WINDOW,
} from '../../net/tcp.js';
import {
  FLAG_SERVER_SEEN,
  FLAG_SYN_PENDING,
  FLAG_SYN_PROXY,
  HANDSHAKE,
  SERVER_SEQUENCE_DELTA,
  STATE,
  TIMESTAMP_DELTA,
  WINDOW_SHIFTS,
} from '../connection/record.js';
import { noteTcpDelta } from '../forwarding/rewrite.js';
import { shiftSack } from '../forwarding/server-options.js';
import type { Frame } from '../frame.js';
import { hasTimestamp } from './cookie-data.js';

/**
 * The client was told the balancer's sequence number, window scale and timestamp before the real server told its own:
 * each packet between them is translated. A SYN's window is never scaled, and its options are the client's own affair.
 */

const TIMESTAMP_VALUE = 2;
const TIMESTAMP_ECHO = 6;

/** A client's packet on its way to the real server, between `beginRewrite` and `finishRewrite`. */
export function shiftClientSegment(frame: Frame, words: Int32Array, base: number): void {
  const { tcpFlags } = frame;
  if ((tcpFlags & SYN) !== 0) return;
  const delta = words[base + SERVER_SEQUENCE_DELTA]!;
  if ((tcpFlags & ACK) !== 0) setWord(frame, frame.l4 + TCP_ACKNOWLEDGMENT, frame.acknowledgment - delta);
  rescaleWindow(frame, words[base + WINDOW_SHIFTS]! >> 16);
  if (frame.l4Length === TCP_HEADER) return;
  shiftSack(frame, delta);
  if (hasTimestamp(words[base + HANDSHAKE]!)) {
    shiftTimestamp(frame, TIMESTAMP_ECHO, -words[base + TIMESTAMP_DELTA]!);
  }
}

/** A real server's packet on its way to the client; what else reads its sequence number finds the client's. */
export function shiftServerSegment(frame: Frame, words: Int32Array, base: number): void {
  const sequence = (frame.sequence + words[base + SERVER_SEQUENCE_DELTA]!) | 0;
  setWord(frame, frame.l4 + TCP_SEQUENCE, sequence);
  frame.sequence = sequence;
  if ((frame.tcpFlags & SYN) !== 0) return;
  rescaleWindow(frame, (words[base + WINDOW_SHIFTS]! << 16) >> 16);
  if (frame.l4Length > TCP_HEADER && hasTimestamp(words[base + HANDSHAKE]!)) {
    shiftTimestamp(frame, TIMESTAMP_VALUE, words[base + TIMESTAMP_DELTA]!);
  }
}

/** The client and its real server shake hands themselves from here on: each tells the other its own numbers. */
export function stopShifting(words: Int32Array, base: number): void {
  // How far the real server was before, in the numbers that the client had been told, is over too.
  words[base + STATE]! &= ~(FLAG_SYN_PROXY | FLAG_SYN_PENDING | FLAG_SERVER_SEEN);
  words[base + SERVER_SEQUENCE_DELTA] = 0;
  words[base + WINDOW_SHIFTS] = 0;
}

/** What a window field of one scale is in another. @param shift up, or below 0 down */
export function rescaled(window: number, shift: number): number {
  return shift < 0 ? window >> -shift : Math.min(window << shift, 0xffff);
}

function rescaleWindow(frame: Frame, shift: number): void {
  if (shift === 0) return;
  const at = frame.l4 + TCP_WINDOW;
  const before = frame.view.getUint16(at);
  const after = rescaled(before, shift);
  frame.view.setUint16(at, after);
  noteTcpDelta(frame, at, delta16(before, after));
}

function shiftTimestamp(frame: Frame, field: number, delta: number): void {
  const at = findTimestamp(frame);
  if (at !== -1) setWord(frame, at + field, frame.view.getInt32(at + field) + delta);
}

/** Where a packet's timestamp option stands, or -1. */
export function findTimestamp({ bytes, l4, l4Length }: Frame): number {
  const end = l4 + l4Length;
  let at = l4 + TCP_HEADER;
  for (;;) {
    const step = optionLength(bytes, at, end);
    if (step === 0) return -1;
    if (bytes[at] === OPTION_TIMESTAMP && step === 10) return at;
    at += step;
  }
}

function setWord(frame: Frame, at: number, value: number): void {
  const before = frame.view.getInt32(at);
  frame.view.setInt32(at, value);
  noteTcpDelta(frame, at, delta32(before, value | 0));
}
