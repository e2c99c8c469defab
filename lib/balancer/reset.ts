import { turnAround } from '../net/ethernet.js';
import { ACK, FIN, RST, SYN } from '../net/tcp.js';
import type { Frame } from './frame.js';
import type { LinkPort } from './link-port.js';
import { NOTHING, writeSegment } from './segment.js';

/** Writes a bare RST segment; see `writeSegment`. */
export function writeReset(
  frame: Frame,
  source: Int32Array,
  destination: Int32Array,
  ports: number,
  sequence: number,
  acknowledgment: number,
  flags: number,
): void {
  writeSegment(frame, source, destination, ports, sequence, acknowledgment, flags, 0, NOTHING, NOTHING);
}

const source = new Int32Array(4);
const destination = new Int32Array(4);

/**
 * Turns a TCP segment that belongs to no connection into the RST that answers it, in place (RFC 9293 3.10.7.1). Not
 * for a segment that is itself an RST.
 */
export function turnIntoReset(frame: Frame, link: LinkPort): void {
  // Word by word: an array for each would be garbage, of which a flood of strays makes much.
  source[0] = frame.destination0;
  source[1] = frame.destination1;
  source[2] = frame.destination2;
  source[3] = frame.destination3;
  destination[0] = frame.source0;
  destination[1] = frame.source1;
  destination[2] = frame.source2;
  destination[3] = frame.source3;
  const { tcpFlags } = frame;
  const occupied = frame.payload + ((tcpFlags & SYN) !== 0 ? 1 : 0) + ((tcpFlags & FIN) !== 0 ? 1 : 0);
  const ports = (frame.ports << 16) | (frame.ports >>> 16);
  turnAround(frame.view, frame.start, link.macHigh, link.macLow);
  frame.clearOffloads();
  if ((tcpFlags & ACK) !== 0) writeReset(frame, source, destination, ports, frame.acknowledgment, 0, RST);
  else writeReset(frame, source, destination, ports, 0, (frame.sequence + occupied) | 0, RST | ACK);
}
