import {
  EXID_FAST_OPEN,
  OPTION_END,
  OPTION_EXPERIMENT_1,
  OPTION_EXPERIMENT_2,
  OPTION_FAST_OPEN,
  OPTION_NOP,
  OPTION_TIMESTAMP,
  optionLength,
  SYN,
  TCP_HEADER,
} from '../../net/tcp.js';
import { formats } from '../../toa/registry.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Frame } from '../frame.js';
import { blankOptions } from './rewrite.js';
import type { ToaSetting } from './toa.js';

/** By kind: 0 not a TOA kind, 1 a TOA kind at any length, 2 one only at the lengths in `TOA_LENGTHS`. */
const TOA_KINDS = new Uint8Array(256);
/** By `kind << 8 | length`: a form of the registry. */
const TOA_LENGTHS = new Uint8Array(256 << 8);
for (const format of formats) {
  // Kind 28 is IANA's User Timeout at its own length; the others belong to nobody who matters on a client's packet.
  TOA_KINDS[format.kind] = format.version === undefined ? 1 : 2;
  TOA_LENGTHS[(format.kind << 8) | format.length] = 1;
}

/**
 * Blanks what a client's packet must not carry to the real server: anything that a receiver might take for TOA, however
 * long and how often (unless `cascade`), and on the SYN of clients that share a local address timestamps (they would
 * break PAWS) and TCP Fast Open (its cookie would be bound to the local address). What stands behind the list's end or
 * behind a wrong length is blanked too: a receiver less strict than us could read on.
 */
export function cleanClientOptions(frame: Frame, toa: ToaSetting, counters: Counters): void {
  const { cascade } = toa;
  const { bytes } = frame;
  const end = frame.l4 + frame.l4Length;
  const syn = toa.shared && (frame.tcpFlags & SYN) !== 0;
  let at = frame.l4 + TCP_HEADER;
  while (at < end) {
    const kind = bytes[at]!;
    if (kind === OPTION_NOP) {
      at++;
      continue;
    }
    const length = optionLength(bytes, at, end);
    if (length === 0) break;
    if (syn && kind === OPTION_TIMESTAMP) {
      blankOptions(frame, at, length);
      counters.add(COUNTER['option-timestamp-removed']);
    } else if (syn && isFastOpen(bytes, at, kind, length, cascade)) {
      blankOptions(frame, at, length);
      counters.add(COUNTER['option-fast-open-removed']);
    } else if (!cascade && isToa(kind, length)) {
      blankOptions(frame, at, length);
      counters.add(COUNTER['toa-stripped']);
    }
    at += length;
  }
  if (at === end || cascade) return;
  if (bytes[at] !== OPTION_END) counters.add(COUNTER['option-list-malformed']);
  else if (isPadding(bytes, at, end)) return;
  blankOptions(frame, at, end - at);
}

function isToa(kind: number, length: number): boolean {
  return TOA_KINDS[kind] === 1 || (TOA_KINDS[kind] === 2 && TOA_LENGTHS[(kind << 8) | length] === 1);
}

/** Kind 34, or an experimental kind with Fast Open's ExID; with `cascade` a form of TOA whose port looks like it stays. */
function isFastOpen(bytes: Uint8Array, at: number, kind: number, length: number, cascade: boolean): boolean {
  if (kind === OPTION_FAST_OPEN) return true;
  if (kind !== OPTION_EXPERIMENT_1 && kind !== OPTION_EXPERIMENT_2) return false;
  if (length < 4 || ((bytes[at + 2]! << 8) | bytes[at + 3]!) !== EXID_FAST_OPEN) return false;
  return !(cascade && TOA_LENGTHS[(kind << 8) | length] === 1);
}

function isPadding(bytes: Uint8Array, at: number, end: number): boolean {
  for (let i = at; i < end; i++) if (bytes[i] !== OPTION_END) return false;
  return true;
}
