import {
  OPTION_END,
  OPTION_MPTCP,
  OPTION_MSS,
  OPTION_NOP,
  OPTION_SACK_PERMITTED,
  OPTION_TIMESTAMP,
  OPTION_WINDOW_SCALE,
  optionLength,
  RST,
  SYN,
  TCP_HEADER,
  TCP_MAX_OPTIONS,
} from '../../net/tcp.js';
import type { ToaFormat } from '../../toa/registry.js';
import { CLIENT, CLIENT_PORTS, VIP } from '../connection/record.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Frame } from '../frame.js';
import { newOptions, replaceOptions } from './rewrite.js';
import { outgrowsIp } from './split.js';

export type Prune = 'protected' | 'none' | 'strip-all';

/** How a service tells its real servers who the client is, and what of a client's options it lets pass. */
export interface ToaSetting {
  /** Clients share the balancer's local addresses (FULLNAT). */
  readonly shared: boolean;
  readonly onSyn: boolean;
  readonly onAck: boolean;
  readonly format: ToaFormat;
  readonly cascade: boolean;
  readonly prune: Prune;
}

/** The bytes that the option takes in the header: its length, rounded up to a whole word. */
export function toaRoom(format: ToaFormat): number {
  return (format.length + 3) & ~3;
}

/** Whether a segment is a SYN that is to carry the option. */
export function isMarkedSyn({ tcpFlags }: Frame, toa: ToaSetting): boolean {
  return toa.onSyn && (tcpFlags & (SYN | RST)) === SYN;
}

/**
 * Whether a SYN's headers leave no room for its option, whatever else is taken off: extension headers that nobody needs.
 * Without the option the real server would take the client for the balancer.
 * @param most bytes of the packet, option included
 */
export function isTooFullForToa(frame: Frame, toa: ToaSetting, most: number): boolean {
  if (!isMarkedSyn(frame, toa) || toa.prune === 'none') return false;
  return frame.l4 - frame.l3 + TCP_HEADER + toaRoom(toa.format) > most;
}

/**
 * Options that `protected` drops only where there is no other way, after DPVS: on a SYN what the connection is negotiated
 * with (MPTCP as in RFC 8684 and RFC 6824), else timestamps. With another length they are filling. Timestamps and Fast
 * Open, which DPVS protects on a SYN too, are off it by now.
 */
function isProtected(kind: number, length: number, syn: boolean): boolean {
  if (!syn) return kind === OPTION_TIMESTAMP && length === 10;
  return (
    isVital(kind, length, syn) ||
    (kind === OPTION_SACK_PERMITTED && length === 2) ||
    (kind === OPTION_MPTCP && (length === 4 || length === 12))
  );
}

/** All that `strip-all` leaves. */
function isVital(kind: number, length: number, syn: boolean): boolean {
  return syn && ((kind === OPTION_MSS && length === 4) || (kind === OPTION_WINDOW_SCALE && length === 3));
}

/**
 * Puts the option first in the packet's list, ahead of anything else that a receiver might read. Where the packet
 * would no longer fit the MTU or the header has no room, and other options make none either, it goes without, and the
 * refusal is counted. A client must not have a SYN go without, so there protected options make room too.
 *
 * @param words the connections' records @param base the connection's place in them @param mtu of the way out
 */
export function insertToa(
  frame: Frame,
  words: Int32Array,
  base: number,
  toa: ToaSetting,
  mtu: number,
  counters: Counters,
): void {
  const room = toaRoom(toa.format);
  const optionBytes = frame.l4Length - TCP_HEADER;
  const most = outgrowsIp(frame, room) ? 0 : optionBytes + mtu - packetLength(frame);
  let length = room;
  if (optionBytes + room <= most && optionBytes + room <= TCP_MAX_OPTIONS) {
    for (let i = 0; i < optionBytes; i++) newOptions[length++] = frame.bytes[frame.l4 + TCP_HEADER + i]!;
  } else {
    length = makeRoom(frame, room, Math.min(most, TCP_MAX_OPTIONS) & ~3, toa.prune);
    if (length === 0) {
      counters.add(COUNTER[optionBytes + room > most ? 'toa-refused-mtu' : 'toa-refused-header-full']);
      return;
    }
    counters.add(COUNTER['toa-pruned']);
  }
  writeToa(toa.format, words, base);
  replaceOptions(frame, length);
  counters.add(COUNTER['toa-added']);
}

/**
 * Whether a packet's options begin with what `insertToa` writes for this connection; they are at least as long as
 * that. Such an option is ours, or for the receiver the same.
 */
export function startsWithToa(frame: Frame, words: Int32Array, base: number, format: ToaFormat): boolean {
  writeToa(format, words, base);
  const options = frame.l4 + TCP_HEADER;
  const room = toaRoom(format);
  for (let i = 0; i < room; i++) if (frame.bytes[options + i] !== newOptions[i]) return false;
  return true;
}

/** The IP length of the packet, or of each full segment of a GSO frame. */
export function packetLength(frame: Frame): number {
  const headers = frame.l4 - frame.l3 + frame.l4Length;
  return headers + (frame.gsoSize === 0 || frame.payload < frame.gsoSize ? frame.payload : frame.gsoSize);
}

/** The option's bytes from the connection's record, at the front of `newOptions`, padded with NOPs. */
function writeToa(format: ToaFormat, words: Int32Array, base: number): void {
  newOptions.fill(0, 0, format.length);
  newOptions.fill(OPTION_NOP, format.length, toaRoom(format));
  newOptions[0] = format.kind;
  newOptions[1] = format.length;
  if (format.version !== undefined) newOptions[format.version.offset] = format.version.value;
  const { client, vip } = format;
  const ports = words[base + CLIENT_PORTS]!;
  if (client !== undefined) {
    writeAddress(words, base + CLIENT, client.family, client.address);
    if (client.port !== undefined) writePort(ports >>> 16, client.port);
  }
  if (vip !== undefined) {
    writeAddress(words, base + VIP, vip.family, vip.address);
    if (vip.port !== undefined) writePort(ports & 0xffff, vip.port);
  }
}

function writePort(port: number, at: number): void {
  newOptions[at] = port >> 8;
  newOptions[at + 1] = port & 0xff;
}

function writeAddress(words: Int32Array, address: number, family: number, at: number): void {
  const first = family === 4 ? 3 : 0;
  for (let i = first; i < 4; i++) {
    const word = words[address + i]!;
    const to = at + (i - first) * 4;
    newOptions[to] = word >>> 24;
    newOptions[to + 1] = (word >>> 16) & 0xff;
    newOptions[to + 2] = (word >>> 8) & 0xff;
    newOptions[to + 3] = word & 0xff;
  }
}

/**
 * Copies to `newOptions`, behind `room` bytes, those of the packet's options that may stay, as `prune` says.
 * @param limit the bytes that all options may take, whole words
 * @returns the bytes now used, padded to a whole word, or 0 when they do not fit
 */
function makeRoom(frame: Frame, room: number, limit: number, prune: Prune): number {
  if (room > limit || prune === 'none') return 0;
  if (prune === 'strip-all') return keepOptions(frame, room, limit, true);
  const length = keepOptions(frame, room, limit, false);
  return length === 0 && (frame.tcpFlags & SYN) !== 0 ? keepOptions(frame, room, limit, true) : length;
}

/**
 * The same, without NOPs, and of protected options only the first of a kind. Where all are stripped those that are vital
 * stay as far as they fit; else what is not protected is dropped from the front, until the rest fits.
 */
function keepOptions(frame: Frame, room: number, limit: number, strip: boolean): number {
  const { bytes } = frame;
  const options = frame.l4 + TCP_HEADER;
  const end = frame.l4 + frame.l4Length;
  const syn = (frame.tcpFlags & SYN) !== 0;
  let excess = room + usedBytes(bytes, options, end) - limit;
  let length = room;
  /** One bit for each kind: those that are protected are below 32. */
  let seen = 0;
  let at = options;
  for (;;) {
    const step = optionLength(bytes, at, end);
    if (step === 0) break;
    const option = at;
    const kind = bytes[option]!;
    at += step;
    if (kind === OPTION_NOP) continue;
    const fits = length + step <= limit;
    const isKept = strip ? fits && isVital(kind, step, syn) : isProtected(kind, step, syn);
    if (isKept && (seen & (1 << kind)) === 0) seen |= 1 << kind;
    else if (strip) continue;
    else if (excess > 0) {
      excess -= step;
      continue;
    }
    if (!fits) return 0;
    for (let i = 0; i < step; i++) newOptions[length++] = bytes[option + i]!;
  }
  while ((length & 3) !== 0) newOptions[length++] = OPTION_END;
  return length;
}

/** The bytes of all options but NOPs. */
function usedBytes(bytes: Uint8Array, options: number, end: number): number {
  let used = 0;
  let at = options;
  for (;;) {
    const step = optionLength(bytes, at, end);
    if (step === 0) return used;
    if (bytes[at] !== OPTION_NOP) used += step;
    at += step;
  }
}
