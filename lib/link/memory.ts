import { clearVnetHeader, VNET_HEADER } from '../net/virtio.js';
import { Arena, SLOT } from './arena.js';
import type { Link, LinkStatistics } from './link.js';

const BATCH = 64;

/** Bytes of the arena that one memory link takes. */
export const MEMORY_BYTES = BATCH * SLOT;

/** A link without a device: frames are put in by `deliver` and handed to `onSend`. For tests, and where none may be opened. */
export class MemoryLink implements Link {
  readonly mac: Uint8Array;
  readonly mtu: number;
  readonly received = new Int32Array(BATCH * 2);
  /** Called with each frame that is sent: a copy, from the Ethernet header. */
  onSend: (frame: Uint8Array) => void = () => {};

  readonly #arena: Arena;
  readonly #view: DataView;
  readonly #slots: Int32Array;
  readonly #waiting: Uint8Array[] = [];
  #queue: Uint8Array[] = [];
  #onReadable: (() => void) | undefined;
  #received = 0;
  #sent = 0;
  #tooLong = 0;

  constructor(arena: Arena, mac: Uint8Array, mtu = 1500) {
    this.mac = mac;
    this.mtu = mtu;
    this.#arena = arena;
    this.#view = new DataView(arena.bytes.buffer);
    this.#slots = Int32Array.from({ length: BATCH }, () => arena.slot());
  }

  /** A frame arrives, from its Ethernet header, with complete checksums. */
  deliver(frame: Uint8Array): void {
    this.#waiting.push(frame);
    this.#onReadable?.();
  }

  receive(): number {
    let filled = 0;
    while (filled < BATCH && this.#waiting.length > 0) {
      const frame = this.#waiting.shift()!;
      if (frame.length + VNET_HEADER > Arena.capacity) {
        this.#tooLong++;
        continue;
      }
      const slot = this.#slots[filled]!;
      clearVnetHeader(this.#view, slot - VNET_HEADER);
      this.#arena.bytes.set(frame, slot);
      this.received[2 * filled] = slot;
      this.received[2 * filled + 1] = frame.length;
      filled++;
    }
    this.#received += filled;
    return filled;
  }

  release(): void {}

  queue(offset: number, length: number): void {
    this.#queue.push(this.#arena.bytes.slice(offset, offset + length));
  }

  queueCopy(bytes: Uint8Array, start: number, length: number): void {
    this.#queue.push(bytes.slice(start, start + length));
  }

  flush(): void {
    const frames = this.#queue;
    this.#queue = [];
    this.#sent += frames.length;
    for (const frame of frames) this.onSend(frame);
  }

  start(onReadable: () => void): void {
    this.#onReadable = onReadable;
  }

  isUp(): boolean {
    return true;
  }

  tend(): void {}

  statistics(): LinkStatistics {
    return {
      received: this.#received,
      sent: this.#sent,
      receiveOverflow: 0,
      receiveTooLong: this.#tooLong,
      receiveRingStopped: 0,
      sendOverflow: 0,
      sendFailed: 0,
    };
  }

  close(): void {
    this.#onReadable = undefined;
  }
}
