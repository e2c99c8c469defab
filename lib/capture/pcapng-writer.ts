import { BLOCK_HEADER, BLOCK_TRAILER, Block, BYTE_ORDER_MAGIC, Option, padding } from './pcapng.js';

/** Bytes that are gathered before they are handed on. */
const BUFFER = 1 << 20;
const LITTLE_ENDIAN = true;
const USER_APPLICATION = 4;
const STATISTICS_RECEIVED = 4;
const STATISTICS_DROPPED = 5;

/** Writes packets as pcapng (draft-ietf-opsawg-pcapng): one section, an interface for each link type, times in microseconds. */
export class PcapngWriter {
  readonly #sink: (bytes: Uint8Array) => void;
  readonly #buffer = new Uint8Array(BUFFER);
  readonly #view = new DataView(this.#buffer.buffer);
  readonly #interfaces: number[] = [];
  #used = 0;

  /** @param sink takes the file piece by piece, and must not keep the pieces @param application who writes it */
  constructor(sink: (bytes: Uint8Array) => void, application: string) {
    this.#sink = sink;
    this.#block(Block.section, 16, [[USER_APPLICATION, application]], (at) => {
      this.#view.setUint32(at, BYTE_ORDER_MAGIC, LITTLE_ENDIAN);
      this.#view.setUint16(at + 4, 1, LITTLE_ENDIAN);
      this.#view.setUint16(at + 6, 0, LITTLE_ENDIAN);
      this.#view.setBigInt64(at + 8, -1n, LITTLE_ENDIAN); // its length is not known beforehand
    });
  }

  /** Adds a packet of at most PACKET_MAX bytes: those in `[start, end)` of `bytes`. `time` is in microseconds since 1970. */
  packet(
    packet: { linkType: number; time: number; originalLength: number },
    bytes: Uint8Array,
    start: number,
    end: number,
    comment?: string,
  ): void {
    const { linkType, time, originalLength } = packet;
    const interfaceId = this.#interface(linkType);
    const length = end - start;
    const options: [number, string][] = comment === undefined ? [] : [[Option.comment, comment]];
    this.#block(Block.enhancedPacket, 20 + length + padding(length), options, (at) => {
      this.#view.setUint32(at, interfaceId, LITTLE_ENDIAN);
      this.#time(at + 4, time);
      this.#view.setUint32(at + 12, length, LITTLE_ENDIAN);
      this.#view.setUint32(at + 16, originalLength, LITTLE_ENDIAN);
      this.#buffer.set(bytes.subarray(start, end), at + 20);
      this.#buffer.fill(0, at + 20 + length, at + 20 + length + padding(length));
    });
  }

  /** Says, for the first interface, how many packets came and how many of them the kernel dropped. */
  statistics(time: number, received: number, dropped: number): void {
    if (this.#interfaces.length === 0) return;
    const options: [number, bigint][] = [
      [STATISTICS_RECEIVED, BigInt(received)],
      [STATISTICS_DROPPED, BigInt(dropped)],
    ];
    this.#block(Block.interfaceStatistics, 12, options, (at) => {
      this.#view.setUint32(at, 0, LITTLE_ENDIAN);
      this.#time(at + 4, time);
    });
  }

  /** Hands on what is gathered. */
  flush(): void {
    if (this.#used === 0) return;
    this.#sink(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }

  #interface(linkType: number): number {
    const known = this.#interfaces.indexOf(linkType);
    if (known >= 0) return known;
    this.#block(Block.interface, 8, [], (at) => {
      this.#view.setUint16(at, linkType, LITTLE_ENDIAN);
      this.#view.setUint16(at + 2, 0, LITTLE_ENDIAN);
      this.#view.setUint32(at + 4, 0, LITTLE_ENDIAN); // packets are whole, unless they say otherwise
    });
    return this.#interfaces.push(linkType) - 1;
  }

  #time(at: number, time: number): void {
    this.#view.setUint32(at, Math.floor(time / 2 ** 32), LITTLE_ENDIAN);
    this.#view.setUint32(at + 4, time % 2 ** 32, LITTLE_ENDIAN);
  }

  /** A block whose body has `bodyLength` bytes, a multiple of four, which `fill` writes, and options behind it. */
  #block(
    type: number,
    bodyLength: number,
    options: readonly [code: number, value: string | bigint][],
    fill: (at: number) => void,
  ): void {
    const encoded = options.map(([code, value]) => ({ code, bytes: optionBytes(value) }));
    const optionsLength = encoded.reduce(
      (sum, { bytes }) => sum + 4 + bytes.length + padding(bytes.length),
      0,
    );
    const length = BLOCK_HEADER + bodyLength + (optionsLength === 0 ? 0 : optionsLength + 4) + BLOCK_TRAILER;
    if (this.#used + length > BUFFER) this.flush();
    const start = this.#used;
    this.#view.setUint32(start, type, LITTLE_ENDIAN);
    this.#view.setUint32(start + 4, length, LITTLE_ENDIAN);
    fill(start + BLOCK_HEADER);
    let at = start + BLOCK_HEADER + bodyLength;
    for (const { code, bytes } of encoded) {
      this.#view.setUint16(at, code, LITTLE_ENDIAN);
      this.#view.setUint16(at + 2, bytes.length, LITTLE_ENDIAN);
      this.#buffer.set(bytes, at + 4);
      const end = at + 4 + bytes.length;
      at = end + padding(bytes.length);
      this.#buffer.fill(0, end, at);
    }
    if (optionsLength > 0) this.#view.setUint32(at, Option.end, LITTLE_ENDIAN);
    this.#view.setUint32(start + length - BLOCK_TRAILER, length, LITTLE_ENDIAN);
    this.#used += length;
  }
}

function optionBytes(value: string | bigint): Uint8Array {
  if (typeof value === 'string') return new TextEncoder().encode(value);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, LITTLE_ENDIAN);
  return bytes;
}
