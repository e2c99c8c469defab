import { ToaError } from '../errors.js';
import { type CapturedPacket, captureFault, type RecordReader } from './captured-packet.js';
import { PcapReader } from './pcap.js';
import { PcapngReader } from './pcapng.js';

/** Reads a capture file, pcap or pcapng, in pieces as they come. Holds no more of it than the largest record. */
export class CaptureParser {
  #reader: RecordReader | undefined;
  /** What was read and is no whole record yet, and where in the file that is. */
  #rest: Uint8Array = new Uint8Array();
  #offset = 0;

  /**
   * The packets that are complete with this piece.
   * @throws ToaError ERR_TOA_CAPTURE with the byte in the file, where it is no capture or a broken one
   */
  *push(piece: Uint8Array): Generator<CapturedPacket> {
    const bytes = this.#rest.length === 0 ? piece : concat(this.#rest, piece);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#rest = bytes;
    if (bytes.length < 4) return;
    this.#reader ??= readerFor(view);
    for (let at = 0; ; ) {
      const record = this.#reader.read(view, at, this.#offset);
      if (!record) {
        this.#rest = bytes.slice(at);
        return;
      }
      at += record.length;
      this.#offset += record.length;
      if (record.packet) yield record.packet;
    }
  }

  /** To be called behind the last piece. @throws ToaError ERR_TOA_CAPTURE where the file ends within a record */
  end(): void {
    if (this.#offset === 0 && this.#rest.length === 0) throw captureFault(0, 'the file is empty');
    if (this.#rest.length > 0) {
      throw captureFault(
        this.#offset,
        `the file ends within a record, of which it has ${this.#rest.length} bytes`,
      );
    }
  }
}

function readerFor(view: DataView): RecordReader {
  const reader = PcapReader.open(view) ?? PcapngReader.open(view);
  if (reader) return reader;
  const gzip = view.getUint16(0) === 0x1f8b;
  throw new ToaError(
    'ERR_TOA_CAPTURE',
    `neither pcap nor pcapng: the file begins with ${view.getUint32(0).toString(16).padStart(8, '0')}`,
    gzip ? { hint: 'it is compressed: gunzip it first' } : {},
  );
}

function concat(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
