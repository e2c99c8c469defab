import { PacketSocketFlag, requireNative } from '../../lib/native.js';
import { nativeError } from '../../lib/native-error.js';

/** Bytes between the beginnings of two frames of a batch. */
const SLOT = 256;

/** The kernel's buffer in each direction, in bytes. */
const BUFFER_BYTES = 4 << 20;

/** How fast, and for how long. */
export interface Pace {
  /** Frames per second; Infinity for as many as one core can send. */
  readonly perSecond: number;
  readonly seconds: number;
}

/**
 * A batch of small frames that goes out over a packet socket again and again, each batch in one system call. Whoever
 * sends may change it before each time. It blocks its thread: for programs that do nothing else.
 */
export class FrameBlaster {
  /** The batch. Frame `i` begins at `offset(i)`. */
  readonly view: DataView;
  readonly #addon = requireNative();
  readonly #fd: number;
  readonly #lengths: readonly number[];
  readonly #arena: Uint8Array;
  readonly #table: Int32Array;

  /** @param frames the batch: at most 64, each at most 256 bytes long */
  constructor(device: string, frames: readonly Uint8Array[]) {
    const fd = this.#addon.packetSocketOpen(
      this.#addon.interfaceIndex(device),
      PacketSocketFlag.ignoreOutgoing,
      BUFFER_BYTES,
    );
    if (fd < 0) throw nativeError(`open a packet socket on ${device}`, fd);
    this.#fd = fd;
    this.#lengths = frames.map(({ length }) => length);
    this.#arena = new Uint8Array(frames.length * SLOT);
    this.view = new DataView(this.#arena.buffer);
    for (const [i, frame] of frames.entries()) this.#arena.set(frame, this.offset(i));
    this.#table = Int32Array.from({ length: 2 * frames.length }, (_, i) => this.offset(i >> 1));
  }

  offset(i: number): number {
    return i * SLOT;
  }

  /** Sends until the time is over. Returns how many frames the kernel took, and the seconds that it was. */
  blast({ perSecond, seconds }: Pace, renew: () => void = () => {}): { sent: number; seconds: number } {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const started = performance.now();
    let sent = 0;
    for (;;) {
      const elapsed = (performance.now() - started) / 1000;
      if (elapsed >= seconds) return { sent, seconds: elapsed };
      if (sent > elapsed * perSecond) {
        Atomics.wait(pause, 0, 0, 1);
        continue;
      }
      renew();
      sent += this.#send();
    }
  }

  #send(): number {
    const { length } = this.#lengths;
    // Lengths are overwritten where a frame is refused.
    for (let i = 0; i < length; i++) this.#table[2 * i + 1] = this.#lengths[i]!;
    return this.#addon.packetSocketSend(this.#fd, this.#arena, this.#table, length);
  }
}
