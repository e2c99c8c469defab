import { delta16, delta32 } from '../../net/checksum.js';
import { OPTION_MSS, OPTION_SACK, optionLength, TCP_HEADER } from '../../net/tcp.js';
import { COUNTER, type Counters } from '../counters.js';
import type { Frame } from '../frame.js';
import { noteTcpDelta } from './rewrite.js';

/** NOP NOP TS: the whole option list of most packets, where it is 12 bytes long. */
const TIMESTAMP_ONLY = 0x0101_080a;

/**
 * Lowers the MSS that the client is told, so that its full segments leave `room` bytes for the option on a way to the
 * real server that carries packets of `mtu` bytes.
 */
export function lowerMss(frame: Frame, mtu: number, room: number, counters: Counters): void {
  const { bytes, view } = frame;
  const end = frame.l4 + frame.l4Length;
  let at = frame.l4 + TCP_HEADER;
  for (;;) {
    const step = optionLength(bytes, at, end);
    if (step === 0) return;
    if (bytes[at] !== OPTION_MSS || step !== 4) {
      at += step;
      continue;
    }
    const announced = view.getUint16(at + 2);
    const most = mtu - (frame.l4 - frame.l3) - TCP_HEADER;
    const lowered = (announced < most ? announced : most) - room;
    if (lowered <= 0 || lowered === announced) return;
    view.setUint16(at + 2, lowered);
    noteTcpDelta(frame, at + 2, delta16(announced, lowered));
    counters.add(COUNTER['mss-lowered']);
    return;
  }
}

/** Translates the edges of the real server's selective acknowledgments into the client's sequence numbers. */
export function shiftSack(frame: Frame, sequenceDelta: number): void {
  for (let at = firstSack(frame); at !== -1; at = nextSack(frame, at)) {
    for (let edge = at + 2; edge < at + frame.bytes[at + 1]!; edge += 4) {
      setEdge(frame, edge, (frame.view.getInt32(edge) - sequenceDelta) | 0);
    }
  }
}

/** Moves those edges of the real server's selective acknowledgments that lie before `least` up to it. */
export function raiseSack(frame: Frame, least: number): void {
  for (let at = firstSack(frame); at !== -1; at = nextSack(frame, at)) {
    for (let edge = at + 2; edge < at + frame.bytes[at + 1]!; edge += 4) {
      if (((frame.view.getInt32(edge) - least) | 0) < 0) setEdge(frame, edge, least);
    }
  }
}

/** Whether a packet has a selective acknowledgment. */
export function carriesSack(frame: Frame): boolean {
  return firstSack(frame) !== -1;
}

/** Where a packet's first selective acknowledgment option stands, or -1. */
function firstSack(frame: Frame): number {
  const options = frame.l4 + TCP_HEADER;
  if (frame.l4Length === TCP_HEADER + 12 && frame.view.getInt32(options) === TIMESTAMP_ONLY) return -1;
  return findSack(frame, options);
}

/** The one behind that at `at`. */
function nextSack(frame: Frame, at: number): number {
  return findSack(frame, at + frame.bytes[at + 1]!);
}

function findSack({ bytes, l4, l4Length }: Frame, from: number): number {
  const end = l4 + l4Length;
  let at = from;
  for (;;) {
    const step = optionLength(bytes, at, end);
    if (step === 0) return -1;
    if (bytes[at] === OPTION_SACK && step >= 10 && (step - 2) % 8 === 0) return at;
    at += step;
  }
}

function setEdge(frame: Frame, at: number, value: number): void {
  const before = frame.view.getInt32(at);
  frame.view.setInt32(at, value);
  noteTcpDelta(frame, at, delta32(before, value));
}
