/** One fragment as reassembly sees it: `at` in bytes. */
export interface Piece {
  readonly key: string;
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly more: boolean;
}

interface Parts {
  readonly byteAt: Map<number, number>;
  end: number;
  lastSeen: boolean;
}

/** Reassembly byte by byte, without bounds and without time. */
export class ReassemblyModel {
  readonly #datagrams = new Map<string, Parts>();

  /** The body that this piece completes, `held`, or the name of the counter under which it is dropped. */
  add({ key, at, bytes, more }: Piece): Uint8Array | string {
    if (bytes.length === 0 || (more && bytes.length % 8 !== 0)) return 'drop-fragment-bad-length';
    const parts = this.#datagrams.get(key) ?? { byteAt: new Map(), end: 0, lastSeen: false };
    this.#datagrams.set(key, parts);
    const end = at + bytes.length;
    const places = Array.from(bytes, (_, i) => at + i);
    const beyondTheEnd = parts.lastSeen && (end > parts.end || (!more && end !== parts.end));
    const endTooEarly = !parts.lastSeen && !more && end < parts.end;
    const held = places.filter((place) => parts.byteAt.has(place));
    if (!beyondTheEnd && !endTooEarly && held.length > 0) {
      const same = places.every((place, i) => parts.byteAt.get(place) === bytes[i]);
      if (same) return 'drop-fragment-duplicate';
    }
    if (beyondTheEnd || endTooEarly || held.length > 0) {
      this.#datagrams.delete(key);
      return 'drop-fragment-overlap';
    }
    for (const [i, place] of places.entries()) parts.byteAt.set(place, bytes[i]!);
    parts.end = Math.max(parts.end, end);
    parts.lastSeen ||= !more;
    if (!parts.lastSeen || parts.byteAt.size !== parts.end) return 'held';
    this.#datagrams.delete(key);
    return Uint8Array.from({ length: parts.end }, (_, i) => parts.byteAt.get(i)!);
  }
}
