/** A packet socket of the addon, for tests: frames as arrays, a socket per `using`. */
import { setImmediate } from 'node:timers/promises';
import { type NativeAddon, native, PacketSocketFlag } from '../../lib/native.js';

/** Of frames that no protocol of the kernel sends: IEEE 802's number for local experiments. */
export const experimental = 0x88b5;

export interface TapOptions {
  readonly flags?: number;
  /** Bytes for each frame, with the virtio header. */
  readonly capacity?: number;
}

/** A frame without its virtio header, or the errno that stands for one that was lost. */
export type Received =
  | { readonly bytes: Uint8Array; readonly virtio: Uint8Array }
  | { readonly lost: number };

const slots = 64;
const virtioBytes = 10;

export class Tap {
  readonly addon: NativeAddon;
  readonly fd: number;
  readonly #capacity: number;
  readonly #arena: Uint8Array;
  readonly #table = new Int32Array(2 * slots);

  constructor(device: string, { flags = PacketSocketFlag.ignoreOutgoing, capacity = 2048 }: TapOptions = {}) {
    this.addon = native()!;
    const index = this.addon.interfaceIndex(device);
    this.fd = this.addon.packetSocketOpen(index, flags | PacketSocketFlag.virtioHeader, 1 << 20);
    if (this.fd < 0) throw new Error(`packet socket on ${device} (${index}): ${this.fd}`);
    this.#capacity = capacity;
    this.#arena = new Uint8Array(slots * capacity);
  }

  /** One receive call; negative answers are thrown. Only frames of `experimental` and lost ones, unless `all`. */
  receive(count = slots, { all = false } = {}): Received[] {
    for (let i = 0; i < slots; i++) this.#table[2 * i] = i * this.#capacity;
    const filled = this.receiveRaw(count);
    if (filled < 0) throw new Error(`receive: ${filled}`);
    return Array.from({ length: filled }, (_, i) => this.#frame(i)).filter(
      (frame) => all || 'lost' in frame || etherType(frame.bytes) === experimental,
    );
  }

  /** The number that the addon answers. */
  receiveRaw(count = slots): number {
    return this.addon.packetSocketReceive(this.fd, this.#arena, this.#table, count, this.#capacity);
  }

  /** Receives until there are as many as wanted; the kernel hands frames over a moment after they were sent. */
  async receiveUntil(wanted: number, options?: { all?: boolean }): Promise<Received[]> {
    const frames: Received[] = [];
    const deadline = Date.now() + 10_000;
    while (frames.length < wanted && Date.now() < deadline) {
      frames.push(...this.receive(slots, options));
      await setImmediate();
    }
    return frames;
  }

  /** One send call. `lengths` is what the table holds afterwards. */
  send(
    frames: readonly Uint8Array[],
    virtio: Uint8Array = new Uint8Array(virtioBytes),
  ): { sent: number; lengths: number[] } {
    let offset = 0;
    const whole = frames.map((frame) => Uint8Array.of(...virtio, ...frame));
    const arena = new Uint8Array(whole.reduce((sum, { length }) => sum + length, 0));
    const table = new Int32Array(2 * frames.length);
    for (const [i, bytes] of whole.entries()) {
      arena.set(bytes, offset);
      table.set([offset, bytes.length], 2 * i);
      offset += bytes.length;
    }
    const sent = this.addon.packetSocketSend(this.fd, arena, table, frames.length);
    return { sent, lengths: Array.from(frames, (_, i) => table[2 * i + 1]!) };
  }

  #frame(i: number): Received {
    const length = this.#table[2 * i + 1]!;
    if (length < 0) return { lost: -length };
    const start = i * this.#capacity;
    return {
      virtio: this.#arena.slice(start, start + virtioBytes),
      bytes: this.#arena.slice(start + virtioBytes, start + length),
    };
  }

  [Symbol.dispose](): void {
    this.addon.closeFd(this.fd);
  }
}

function etherType(frame: Uint8Array): number {
  return (frame[12]! << 8) | frame[13]!;
}
