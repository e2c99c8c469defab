import type { BuiltFrame } from '../support/packet-builder.js';
import type { Random } from '../support/random.js';

const VIRTIO_HEADER = 10;
const ETHERNET_HEADER = 14;
/** Headers, where most of what can go wrong is. */
const HEADERS = 120;
/** No frame grows beyond this. */
export const LARGEST = 66_000;

/** Draws frames from sound ones: each a seed with a few things wrong, or one of eight as it is, so that connections live. */
export class Mutator {
  /** The frame last drawn: the vnet header, then the frame. */
  readonly bytes = new Uint8Array(VIRTIO_HEADER + LARGEST);
  length = 0;
  link = 0;
  readonly #view = new DataView(this.bytes.buffer);
  readonly #seeds: readonly (readonly [number, BuiltFrame])[];
  readonly #random: Random;

  constructor(seeds: readonly (readonly [number, BuiltFrame])[], random: Random) {
    this.#seeds = seeds;
    this.#random = random;
  }

  /** The frame last drawn, as a copy. */
  built(): BuiltFrame {
    return {
      virtio: this.bytes.slice(0, VIRTIO_HEADER),
      bytes: this.bytes.slice(VIRTIO_HEADER, VIRTIO_HEADER + this.length),
    };
  }

  next(): void {
    const [link, { virtio, bytes }] = this.#random.pick(this.#seeds);
    this.bytes.set(virtio);
    this.bytes.set(bytes, VIRTIO_HEADER);
    this.length = bytes.length;
    this.link = this.#random.below(32) === 0 ? 1 - link : link;
    if (this.#random.below(8) === 0) return;
    for (let left = this.#random.between(1, 4); left > 0; left--) this.#change();
    // Else most would come no further than the check of this sum.
    if (this.#random.below(4) !== 0) this.#repairIpv4Checksum();
  }

  #change(): void {
    const random = this.#random;
    const at = VIRTIO_HEADER + random.below(Math.max(1, Math.min(this.length, HEADERS)));
    switch (random.below(16)) {
      case 0:
        this.length = random.below(this.length + 1);
        return;
      case 1:
        this.#append(random.between(1, 64));
        return;
      case 2:
        this.#splice();
        return;
      case 3:
        this.bytes[random.below(VIRTIO_HEADER)] = random.below(256);
        return;
      case 4:
      case 5:
      case 6:
        // A length that is nearly right, or an extreme one.
        this.#view.setUint16(
          at,
          random.pick([0, 1, 0xffff, this.length, this.length - ETHERNET_HEADER]) + random.below(9) - 4,
        );
        return;
      case 7:
      case 8:
      case 9:
        this.bytes[at] = random.pick([0, 1, 0x7f, 0x80, 0xff, 4, 6, 17, 44, 58]);
        return;
      case 10:
        this.bytes[VIRTIO_HEADER + random.below(this.length + 1)] = random.below(256);
        return;
      default:
        this.bytes[at]! ^= 1 << random.below(8);
    }
  }

  #append(count: number): void {
    for (let i = 0; i < count && this.length < LARGEST; i++) {
      this.bytes[VIRTIO_HEADER + this.length++] = this.#random.below(256);
    }
  }

  /** The end of another seed behind the beginning of this one. */
  #splice(): void {
    const [, { bytes }] = this.#random.pick(this.#seeds);
    const keep = this.#random.below(Math.min(this.length, HEADERS) + 1);
    const from = this.#random.below(Math.min(bytes.length, HEADERS) + 1);
    this.bytes.set(bytes.subarray(from), VIRTIO_HEADER + keep);
    this.length = keep + bytes.length - from;
  }

  #repairIpv4Checksum(): void {
    const l3 = VIRTIO_HEADER + ETHERNET_HEADER;
    const headerLength = (this.bytes[l3]! & 15) * 4;
    if (this.#view.getUint16(l3 - 2) !== 0x0800 || this.length < ETHERNET_HEADER + headerLength) return;
    if (headerLength < 20) return;
    this.#view.setUint16(l3 + 10, 0);
    let sum = 0;
    for (let at = l3; at < l3 + headerLength; at += 2) sum += this.#view.getUint16(at);
    sum = (sum & 0xffff) + (sum >>> 16);
    this.#view.setUint16(l3 + 10, ~(sum + (sum >>> 16)));
  }
}
