import { ToaError } from '../errors.js';

/** A packet out of a capture file. Its bytes are a window, good until the next packet is taken. */
export interface CapturedPacket {
  /** Microseconds since 1970; what a file has beyond that is cut off. */
  readonly time: number;
  /** One of LinkType, or another. */
  readonly linkType: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Bytes that it had on the wire, which may be more than were captured. */
  readonly originalLength: number;
}

/** A record of a capture file, and the packet in it, if it is one of those. */
export interface CaptureRecord {
  /** Bytes, with all that belongs to it. */
  readonly length: number;
  readonly packet?: CapturedPacket;
}

/** Reads the records of one file format, one after another. */
export interface RecordReader {
  /**
   * Reads the record at `at`, of which `view` may have less than all: undefined then. `offset` is where it stands in the file.
   * @throws ToaError ERR_TOA_CAPTURE
   */
  read(view: DataView, at: number, offset: number): CaptureRecord | undefined;
}

/** Bytes of one packet, at most: as many as libpcap and Wireshark take (MAXIMUM_SNAPLEN). What says more is broken. */
export const PACKET_MAX = 262_144;

/** A file that is not what it should be, and where. */
export function captureFault(offset: number, message: string): ToaError {
  return new ToaError('ERR_TOA_CAPTURE', `at byte ${offset}: ${message}`);
}

/** @throws ToaError ERR_TOA_CAPTURE where a packet is longer than any can be */
export function checkPacketLength(length: number, offset: number): void {
  if (length > PACKET_MAX) {
    throw captureFault(offset, `a packet of ${length} bytes, wanted at most ${PACKET_MAX}`);
  }
}

/** @throws ToaError ERR_TOA_CAPTURE where a packet's time, in microseconds, is before 1970, or too large for a number to be exact */
export function checkTime(time: number, offset: number): number {
  if (time >= 0 && time <= Number.MAX_SAFE_INTEGER) return time;
  throw captureFault(offset, 'the time of a packet is not between the years 1970 and 2255');
}
