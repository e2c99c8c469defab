/** Puts a byte stream back together from pieces in any order, repeated or overlapping. */
export class ReceiveQueue {
  #bytes = new Uint8Array();
  /** Pieces beyond the first gap, by offset. */
  #pieces: { offset: number; bytes: Uint8Array }[] = [];
  #end: number | undefined;

  /** The bytes in order so far. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Whether the last piece is known and everything before it is there. */
  get finished(): boolean {
    return this.#end === this.#bytes.length;
  }

  /**
   * Adds the piece that starts `offset` bytes into the stream; `last` when the stream ends behind it.
   * Returns `old` when it held nothing new, `later` when there is a gap before it, `next` otherwise.
   */
  add(offset: number, bytes: Uint8Array, last: boolean): 'old' | 'next' | 'later' {
    const finishedBefore = this.finished;
    const lengthBefore = this.#bytes.length;
    if (last) this.#end = offset + bytes.length;
    this.#pieces.push({ offset, bytes });
    this.#pieces.sort((a, b) => a.offset - b.offset);
    const kept = [];
    for (const piece of this.#pieces) {
      const skip = this.#bytes.length - piece.offset;
      if (skip < 0) kept.push(piece);
      else if (skip < piece.bytes.length) this.#append(piece.bytes.subarray(skip));
    }
    this.#pieces = kept;
    if (this.#bytes.length > lengthBefore || this.finished !== finishedBefore) return 'next';
    return offset > this.#bytes.length ? 'later' : 'old';
  }

  /** The stretches received beyond the gap, as [start, end) offsets, in order. */
  blocks(): [number, number][] {
    const blocks: [number, number][] = [];
    for (const { offset, bytes } of this.#pieces) {
      const end = offset + bytes.length;
      const previous = blocks.at(-1);
      if (end === offset) continue;
      if (previous !== undefined && offset <= previous[1]) previous[1] = Math.max(previous[1], end);
      else blocks.push([offset, end]);
    }
    return blocks;
  }

  #append(bytes: Uint8Array): void {
    const joined = new Uint8Array(this.#bytes.length + bytes.length);
    joined.set(this.#bytes);
    joined.set(bytes, this.#bytes.length);
    this.#bytes = joined;
  }
}
