import {
  type CapturedPacket,
  type CaptureRecord,
  captureFault,
  checkPacketLength,
  checkTime,
  type RecordReader,
} from './captured-packet.js';

/** Block types, options and offsets of pcapng (draft-ietf-opsawg-pcapng). */
export const Block = {
  section: 0x0a0d0d0a,
  interface: 1,
  /** Obsolete, and still written by some. */
  packet: 2,
  simplePacket: 3,
  interfaceStatistics: 5,
  enhancedPacket: 6,
} as const;

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Type and length before a block's body, and the length again behind it. */
export const BLOCK_HEADER = 8;
export const BLOCK_TRAILER = 4;

export const Option = {
  end: 0,
  comment: 1,
  timeResolution: 9,
  timeOffset: 14,
} as const;

/** Bytes of one block, at most; Wireshark takes as many. */
const BLOCK_MAX = 16 << 20;
/** Interfaces of one section, at most: a file must not be able to fill the memory with them. */
const INTERFACES_MAX = 65_536;

interface CaptureInterface {
  readonly linkType: number;
  /** Bytes kept of each packet, 0 for all. */
  readonly snapLength: number;
  /** Units of its time stamps in a second. */
  readonly unitsPerSecond: bigint;
  /** Seconds to be added. */
  readonly offset: bigint;
}

/** A pcapng file: sections in either byte order, any number of interfaces, with time stamps of any resolution. */
export class PcapngReader implements RecordReader {
  #littleEndian = true;
  #interfaces: CaptureInterface[] = [];

  /** The reader for a file that begins with these four bytes, or undefined where it is no pcapng. */
  static open(view: DataView): PcapngReader | undefined {
    // This type reads the same in both byte orders.
    return view.getUint32(0) === Block.section ? new PcapngReader() : undefined;
  }

  read(view: DataView, at: number, offset: number): CaptureRecord | undefined {
    if (at + BLOCK_HEADER + 4 > view.byteLength) return undefined;
    const type = view.getUint32(at, this.#littleEndian);
    if (type === Block.section) this.#littleEndian = byteOrder(view, at + BLOCK_HEADER, offset);
    const length = view.getUint32(at + 4, this.#littleEndian);
    checkBlockLength(length, offset);
    const next = at + length;
    if (next > view.byteLength) return undefined;
    const repeated = view.getUint32(next - BLOCK_TRAILER, this.#littleEndian);
    if (repeated !== length) {
      throw captureFault(offset, `a block of ${length} bytes that ends in the length ${repeated}`);
    }
    const packet = this.#readBody(type, view, at + BLOCK_HEADER, next - BLOCK_TRAILER, offset);
    return packet ? { length, packet } : { length };
  }

  /** Reads what stands in `[at, end)`. Blocks of other types are passed over. */
  #readBody(
    type: number,
    view: DataView,
    at: number,
    end: number,
    offset: number,
  ): CapturedPacket | undefined {
    switch (type) {
      case Block.section:
        this.#readSection(view, at, end, offset);
        return undefined;
      case Block.interface:
        this.#readInterface(view, at, end, offset);
        return undefined;
      case Block.enhancedPacket:
        need(20, at, end, offset);
        return this.#packetAt(view, at, end, view.getUint32(at, this.#littleEndian), offset);
      case Block.packet:
        need(20, at, end, offset); // its interface has two bytes, the other two count what was lost
        return this.#packetAt(view, at, end, view.getUint16(at, this.#littleEndian), offset);
      case Block.simplePacket:
        need(4, at, end, offset);
        return this.#simplePacketAt(view, at, end, offset);
      default:
        return undefined;
    }
  }

  #readSection(view: DataView, at: number, end: number, offset: number): void {
    need(16, at, end, offset);
    const major = view.getUint16(at + 4, this.#littleEndian);
    if (major !== 1) throw captureFault(offset, `version ${major} of pcapng, wanted 1`);
    this.#interfaces = [];
  }

  #readInterface(view: DataView, at: number, end: number, offset: number): void {
    need(8, at, end, offset);
    if (this.#interfaces.length >= INTERFACES_MAX) {
      throw captureFault(offset, `more than ${INTERFACES_MAX} interfaces in one section`);
    }
    let unitsPerSecond = 1_000_000n;
    let seconds = 0n;
    for (const { code, value, length } of this.#options(view, at + 8, end, offset)) {
      if (code === Option.timeResolution && length >= 1) unitsPerSecond = resolution(view.getUint8(value));
      if (code === Option.timeOffset && length >= 8) seconds = view.getBigInt64(value, this.#littleEndian);
    }
    this.#interfaces.push({
      linkType: view.getUint16(at, this.#littleEndian),
      snapLength: view.getUint32(at + 4, this.#littleEndian),
      unitsPerSecond,
      offset: seconds,
    });
  }

  *#options(
    view: DataView,
    from: number,
    end: number,
    offset: number,
  ): Generator<{ code: number; value: number; length: number }> {
    for (let at = from; at + 4 <= end; ) {
      const code = view.getUint16(at, this.#littleEndian);
      const length = view.getUint16(at + 2, this.#littleEndian);
      if (code === Option.end) return;
      need(4 + length, at, end, offset);
      yield { code, value: at + 4, length };
      at += 4 + length + padding(length);
    }
  }

  #packetAt(view: DataView, at: number, end: number, interfaceId: number, offset: number): CapturedPacket {
    const { linkType, unitsPerSecond, offset: seconds } = this.#interface(interfaceId, offset);
    const field = (index: number) => view.getUint32(at + 4 * index, this.#littleEndian);
    const units = (BigInt(field(1)) << 32n) | BigInt(field(2));
    const time = Number((units * 1_000_000n) / unitsPerSecond + seconds * 1_000_000n);
    const captured = field(3);
    checkPacketLength(captured, offset);
    need(20 + captured, at, end, offset);
    return {
      ...windowOf(view, at + 20, captured),
      time: checkTime(time, offset),
      linkType,
      originalLength: field(4),
    };
  }

  /** It has no time, and belongs to the first interface. */
  #simplePacketAt(view: DataView, at: number, end: number, offset: number): CapturedPacket {
    const { linkType, snapLength } = this.#interface(0, offset);
    const originalLength = view.getUint32(at, this.#littleEndian);
    const captured = snapLength === 0 ? originalLength : Math.min(originalLength, snapLength);
    checkPacketLength(captured, offset);
    need(4 + captured, at, end, offset);
    return { ...windowOf(view, at + 4, captured), time: 0, linkType, originalLength };
  }

  #interface(id: number, offset: number): CaptureInterface {
    const known = this.#interfaces[id];
    if (known) return known;
    throw captureFault(offset, `a packet of interface ${id}, of which no block told`);
  }
}

function windowOf(
  view: DataView,
  start: number,
  length: number,
): Pick<CapturedPacket, 'bytes' | 'start' | 'end'> {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return { bytes, start, end: start + length };
}

function byteOrder(view: DataView, at: number, offset: number): boolean {
  for (const littleEndian of [true, false]) {
    if (view.getUint32(at, littleEndian) === BYTE_ORDER_MAGIC) return littleEndian;
  }
  throw captureFault(offset, 'a section without the magic number of its byte order');
}

function checkBlockLength(length: number, offset: number): void {
  if (length < BLOCK_HEADER + BLOCK_TRAILER || length % 4 !== 0 || length > BLOCK_MAX) {
    const wanted = `wanted a multiple of 4 from 12 to ${BLOCK_MAX}`;
    throw captureFault(offset, `a block of ${length} bytes, ${wanted}`);
  }
}

function need(bytes: number, at: number, end: number, offset: number): void {
  if (at + bytes <= end) return;
  throw captureFault(offset, `${end - at} bytes in a block, where what it says takes ${bytes}`);
}

/** The units in a second that the option if_tsresol stands for: a power of ten, or with the highest bit of two. */
function resolution(value: number): bigint {
  return (value & 0x80) === 0 ? 10n ** BigInt(value) : 2n ** BigInt(value & 0x7f);
}

/** Bytes that fill up to a multiple of four. */
export function padding(length: number): number {
  return -length & 3;
}
