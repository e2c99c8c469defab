import { delta16, delta32 } from '../../net/checksum.js';
import {
  OPTION_END,
  OPTION_MSS,
  OPTION_NOP,
  OPTION_SACK_PERMITTED,
  OPTION_TIMESTAMP,
  OPTION_WINDOW_SCALE,
  optionLength,
  TCP_HEADER,
} from '../../net/tcp.js';
import type { SynProxyConfig } from '../config/model.js';
import { COUNTER, type Counters } from '../counters.js';
import { blankOptions, noteTcpDelta } from '../forwarding/rewrite.js';
import type { Frame } from '../frame.js';
import { cookieData, MAX_WINDOW_SCALE } from './cookie-data.js';

/** What a host can take that does not say (RFC 9293 3.7.1); for IPv6, where it is 1220, Linux takes this too. */
const DEFAULT_MSS = 536;

/** The lengths of the options that may be answered. */
const LENGTHS = new Uint8Array(256);
LENGTHS[OPTION_MSS] = 4;
LENGTHS[OPTION_WINDOW_SCALE] = 3;
LENGTHS[OPTION_SACK_PERMITTED] = 2;
LENGTHS[OPTION_TIMESTAMP] = 10;

/**
 * Turns the options of a client's SYN into those of the SYN-ACK: what both agree on keeps its place, all else becomes
 * NOPs, with it TCP Fast Open, MPTCP, options of a wrong length and what follows the end of the list. Of an option that
 * is there twice the last counts, as in Linux. Notes the checksum's delta in the frame.
 * @param now milliseconds: our timestamp
 * @returns what the cookie is to tell
 */
export function answerOptions(
  frame: Frame,
  settings: Required<SynProxyConfig>,
  now: number,
  counters: Counters,
): number {
  const { bytes } = frame;
  const end = frame.l4 + frame.l4Length;
  let mss = Math.min(DEFAULT_MSS, settings.mss);
  let windowScale = 0;
  let sack = false;
  let timestamp = false;
  let at = frame.l4 + TCP_HEADER;
  while (at < end) {
    const kind = bytes[at]!;
    if (kind === OPTION_NOP) {
      at++;
      continue;
    }
    const length = optionLength(bytes, at, end);
    if (length === 0) {
      if (kind !== OPTION_END) counters.add(COUNTER['option-list-malformed']);
      blankOptions(frame, at, end - at);
      break;
    }
    const sound = length === LENGTHS[kind];
    if (sound && kind === OPTION_MSS) mss = answerMss(frame, at, settings.mss);
    else if (sound && kind === OPTION_SACK_PERMITTED && settings.sack) sack = true;
    else if (sound && kind === OPTION_WINDOW_SCALE && settings.windowScale !== 0 && bytes[at + 2] !== 0) {
      // A scale of 0 is none to the cookie, so that it must be none to the client, too.
      windowScale = answerWindowScale(frame, at, settings.windowScale);
    } else if (sound && kind === OPTION_TIMESTAMP && settings.timestamp) {
      answerTimestamp(frame, at, now | 0);
      timestamp = true;
    } else blankOptions(frame, at, length);
    at += length;
  }
  return cookieData(frame.family, mss, windowScale, sack, timestamp);
}

/** @returns the MSS that the client is told, and that it can take */
function answerMss(frame: Frame, at: number, most: number): number {
  const theirs = frame.view.getUint16(at + 2);
  const told = Math.min(theirs || DEFAULT_MSS, most);
  noteTcpDelta(frame, at, delta16(theirs, told));
  frame.view.setUint16(at + 2, told);
  return told;
}

/** @returns the client's */
function answerWindowScale(frame: Frame, at: number, ours: number): number {
  const theirs = frame.bytes[at + 2]!;
  noteTcpDelta(frame, at, delta16(theirs << 8, ours << 8));
  frame.bytes[at + 2] = ours;
  return Math.min(theirs, MAX_WINDOW_SCALE);
}

/** TSval 2, TSecr 6: theirs goes back to them. */
function answerTimestamp(frame: Frame, at: number, ours: number): void {
  const { view } = frame;
  noteTcpDelta(frame, at, delta32(view.getInt32(at + 6), ours));
  view.setInt32(at + 6, view.getInt32(at + 2));
  view.setInt32(at + 2, ours);
}
