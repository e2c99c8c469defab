import { native, PacketSocketFlag } from '../../../lib/native.js';
import { nativeError } from '../../../lib/native-error.js';

const BATCH = 8;
const FRAME = 2048;

/** The end of a cable that the test holds in its hands: Ethernet frames in and out, one call at a time. */
export class CableEnd {
  readonly #addon = native()!;
  readonly #device: string;
  readonly #fd: number;
  readonly #arena = new Uint8Array(BATCH * FRAME);
  readonly #table = new Int32Array(2 * BATCH);

  constructor(device: string) {
    this.#device = device;
    const flags = PacketSocketFlag.promiscuous | PacketSocketFlag.ignoreOutgoing;
    this.#fd = this.#addon.packetSocketOpen(this.#addon.interfaceIndex(device), flags, 1 << 20);
    if (this.#fd < 0) throw nativeError(`open a packet socket on ${device}`, this.#fd);
    for (let i = 0; i < BATCH; i++) this.#table[2 * i] = i * FRAME;
  }

  send(frame: Uint8Array): void {
    const sent = this.#addon.packetSocketSend(this.#fd, frame, Int32Array.of(0, frame.length), 1);
    if (sent !== 1) throw nativeError(`send on ${this.#device}`, sent);
  }

  /** The frames that have come since the last call. */
  receive(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (;;) {
      const count = this.#addon.packetSocketReceive(this.#fd, this.#arena, this.#table, BATCH, FRAME);
      if (count < 0) throw nativeError(`receive on ${this.#device}`, count);
      for (let i = 0; i < count; i++) {
        const length = this.#table[2 * i + 1]!;
        if (length < 0) throw nativeError(`receive on ${this.#device}`, length);
        frames.push(this.#arena.slice(i * FRAME, i * FRAME + length));
      }
      if (count < BATCH) return frames;
    }
  }
}
