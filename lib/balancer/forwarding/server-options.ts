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
  const { bytes, view } = frame;
  const options = frame.l4 + TCP_HEADER;
  const end = frame.l4 + frame.l4Length;
  if (end - options === 12 && view.getInt32(options) === TIMESTAMP_ONLY) return;
  let at = options;
  for (;;) {
    const step = optionLength(bytes, at, end);
    if (step === 0) return;
    const option = at;
    at += step;
    if (bytes[option] !== OPTION_SACK || step < 10 || (step - 2) % 8 !== 0) continue;
    for (let edge = option + 2; edge < at; edge += 4) {
      const before = view.getInt32(edge);
      const after = (before - sequenceDelta) | 0;
      view.setInt32(edge, after);
      noteTcpDelta(frame, edge, delta32(before, after));
    }
  }
}
