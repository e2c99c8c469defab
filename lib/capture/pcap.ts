import {
  type CaptureRecord,
  captureFault,
  checkPacketLength,
  checkTime,
  type RecordReader,
} from './captured-packet.js';

const FILE_HEADER = 24;
const RECORD_HEADER = 16;

const MICROSECONDS = 0xa1b2c3d4;
const NANOSECONDS = 0xa1b23c4d;

/** The link type is in the lower 16 bits; above stands how long a frame check sequence is. */
const LINK_TYPE_MASK = 0xffff;

/** A pcap file (draft-ietf-opsawg-pcap), in either byte order, with times in microseconds or nanoseconds. */
export class PcapReader implements RecordReader {
  readonly #littleEndian: boolean;
  /** In a microsecond. */
  readonly #fractions: number;
  #linkType: number | undefined;

  private constructor(littleEndian: boolean, fractions: number) {
    this.#littleEndian = littleEndian;
    this.#fractions = fractions;
  }

  /** The reader for a file that begins with these four bytes, or undefined where it is no pcap. */
  static open(view: DataView): PcapReader | undefined {
    for (const littleEndian of [true, false]) {
      const magic = view.getUint32(0, littleEndian);
      if (magic === MICROSECONDS) return new PcapReader(littleEndian, 1);
      if (magic === NANOSECONDS) return new PcapReader(littleEndian, 1000);
    }
    return undefined;
  }

  read(view: DataView, at: number, offset: number): CaptureRecord | undefined {
    return this.#linkType === undefined
      ? this.#readFileHeader(view, at, offset)
      : this.#readPacket(view, at, offset, this.#linkType);
  }

  #readFileHeader(view: DataView, at: number, offset: number): CaptureRecord | undefined {
    if (at + FILE_HEADER > view.byteLength) return undefined;
    const major = view.getUint16(at + 4, this.#littleEndian);
    if (major !== 2) throw captureFault(offset, `version ${major} of pcap, wanted 2`);
    this.#linkType = view.getUint32(at + 20, this.#littleEndian) & LINK_TYPE_MASK;
    return { length: FILE_HEADER };
  }

  #readPacket(view: DataView, at: number, offset: number, linkType: number): CaptureRecord | undefined {
    if (at + RECORD_HEADER > view.byteLength) return undefined;
    const field = (index: number) => view.getUint32(at + 4 * index, this.#littleEndian);
    const captured = field(2);
    checkPacketLength(captured, offset);
    const length = RECORD_HEADER + captured;
    if (at + length > view.byteLength) return undefined;
    const time = checkTime(field(0) * 1e6 + Math.floor(field(1) / this.#fractions), offset);
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const start = at + RECORD_HEADER;
    return {
      length,
      packet: { time, linkType, bytes, start, end: start + captured, originalLength: field(3) },
    };
  }
}
