import { copySumming } from '../net/checksum.js';

/** Bytes are kept in pages, so that a datagram of which little has come takes little. */
export const PAGE = 2048;

/** Where in a datagram its headers are kept: behind all that it can carry. One page. */
export const HEADERS_AT = 65536;

const PAGES_EACH = HEADERS_AT / PAGE + 1;

/** Fragments begin at multiples of 8 bytes (RFC 791): a bit for each such unit says whether it is held. */
const UNIT_BITS = 3;
const WORDS_EACH = HEADERS_AT >> (UNIT_BITS + 5);

/** What `overlap` says of a range. */
export const NOT_HELD = 0;
export const PARTLY_HELD = 1;
export const HELD = 2;

/** The bytes of datagrams that are not whole yet: a fixed number of pages for all, allocated at once. */
export class FragmentStore {
  readonly #bytes: DataView;
  /** Of each datagram in turn: the pages it has, -1 where none. */
  readonly #pageOf: Int16Array;
  readonly #heldUnits: Int32Array;
  readonly #freePages: Int16Array;
  /** How many pages are unused. */
  free: number;

  /** @param pages up to 32767 */
  constructor(datagrams: number, pages: number) {
    this.#bytes = new DataView(new ArrayBuffer(pages * PAGE));
    this.#pageOf = new Int16Array(datagrams * PAGES_EACH).fill(-1);
    this.#heldUnits = new Int32Array(datagrams * WORDS_EACH);
    this.#freePages = Int16Array.from({ length: pages }, (_, page) => page);
    this.free = pages;
  }

  /** How many pages more the datagram would need to keep `length` bytes, 1 or more, at `at`. */
  missing(datagram: number, at: number, length: number): number {
    const base = datagram * PAGES_EACH;
    const last = base + Math.floor((at + length - 1) / PAGE);
    let missing = 0;
    for (let i = base + Math.floor(at / PAGE); i <= last; i++) if (this.#pageOf[i] === -1) missing++;
    return missing;
  }

  /** Keeps bytes of a buffer; the pages that are missing for them must be free. */
  put(datagram: number, at: number, from: DataView, fromAt: number, length: number): void {
    for (let done = 0; done < length; ) {
      const slot = datagram * PAGES_EACH + Math.floor((at + done) / PAGE);
      if (this.#pageOf[slot] === -1) this.#pageOf[slot] = this.#freePages[--this.free]!;
      const inPage = (at + done) % PAGE;
      const step = Math.min(PAGE - inPage, length - done);
      copySumming(from, fromAt + done, this.#bytes, this.#pageOf[slot]! * PAGE + inPage, step);
      done += step;
    }
  }

  /** Copies bytes that were put to a buffer. */
  copy(datagram: number, at: number, to: DataView, toAt: number, length: number): void {
    for (let done = 0; done < length; ) {
      const page = this.#pageOf[datagram * PAGES_EACH + Math.floor((at + done) / PAGE)]!;
      const inPage = (at + done) % PAGE;
      const step = Math.min(PAGE - inPage, length - done);
      copySumming(this.#bytes, page * PAGE + inPage, to, toAt + done, step);
      done += step;
    }
  }

  /** Whether bytes that were put are those of a buffer. */
  equals(datagram: number, at: number, other: DataView, otherAt: number, length: number): boolean {
    for (let i = 0; i < length; i++) {
      const page = this.#pageOf[datagram * PAGES_EACH + Math.floor((at + i) / PAGE)]!;
      if (this.#bytes.getUint8(page * PAGE + ((at + i) % PAGE)) !== other.getUint8(otherAt + i)) return false;
    }
    return true;
  }

  /** How much of a range is marked as held; `at` a multiple of 8, `length` 1 or more. */
  overlap(datagram: number, at: number, length: number): number {
    let any = false;
    let all = true;
    const end = (at + length + 7) >> UNIT_BITS;
    for (let unit = at >> UNIT_BITS; unit < end; unit = (unit | 31) + 1) {
      const mask = unitMask(unit, end);
      const held = this.#heldUnits[datagram * WORDS_EACH + (unit >> 5)]! & mask;
      if (held !== 0) any = true;
      if (held !== mask) all = false;
    }
    return all ? HELD : any ? PARTLY_HELD : NOT_HELD;
  }

  /** Marks a range as held. */
  mark(datagram: number, at: number, length: number): void {
    const end = (at + length + 7) >> UNIT_BITS;
    for (let unit = at >> UNIT_BITS; unit < end; unit = (unit | 31) + 1) {
      this.#heldUnits[datagram * WORDS_EACH + (unit >> 5)]! |= unitMask(unit, end);
    }
  }

  /** Forgets a datagram. @returns the number of pages that are free again */
  release(datagram: number): number {
    const before = this.free;
    const base = datagram * PAGES_EACH;
    for (let slot = base; slot < base + PAGES_EACH; slot++) {
      if (this.#pageOf[slot] === -1) continue;
      this.#freePages[this.free++] = this.#pageOf[slot]!;
      this.#pageOf[slot] = -1;
    }
    this.#heldUnits.fill(0, datagram * WORDS_EACH, (datagram + 1) * WORDS_EACH);
    return this.free - before;
  }
}

/** The bits of the units from `unit` on, up to `end` or to the end of `unit`'s word. */
function unitMask(unit: number, end: number): number {
  const above = -1 << (unit & 31);
  const left = end - (unit & ~31);
  return left >= 32 ? above : above & ((1 << left) - 1);
}
