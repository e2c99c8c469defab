/**
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * A *delta* is a sum of 16-bit words: the new words plus the complements of the old ones. Deltas of several
 * changes are simply added; folding is left to the end. A delta of up to 2^15 words fits in an int32.
 */

/** Folds a sum of 16-bit words, 0 to 2^31 - 1, into 16 bits with end-around carry. */
export function fold(sum: number): number {
  let folded = (sum & 0xffff) + (sum >>> 16);
  folded = (folded & 0xffff) + (folded >>> 16);
  return folded;
}

/** The delta of a 16-bit word that changes from `before` to `after`. */
export function delta16(before: number, after: number): number {
  return (~before & 0xffff) + (after & 0xffff);
}

/** The sum of a 32-bit word's two 16-bit words. */
export function halves(word: number): number {
  return (word >>> 16) + (word & 0xffff);
}

/** The delta of an aligned 32-bit word that changes from `before` to `after`. */
export function delta32(before: number, after: number): number {
  return halves(~before) + halves(after);
}

/** The opposite of a folded delta: what undoes it. */
export function negate(folded: number): number {
  return ~folded & 0xffff;
}

/** Applies a delta to the complete checksum stored at `at` (RFC 1624, equation 3). */
export function applyDelta(view: DataView, at: number, delta: number): void {
  view.setUint16(at, ~fold((~view.getUint16(at) & 0xffff) + delta) & 0xffff);
}

/**
 * Applies a delta to a partial checksum: the un-inverted sum of the pseudo-header that stands in the field
 * while the sum over the segment is left to the device (virtio_net_hdr, VIRTIO_NET_HDR_F_NEEDS_CSUM).
 */
export function applyPartialDelta(view: DataView, at: number, delta: number): void {
  view.setUint16(at, fold(view.getUint16(at) + delta));
}

/** The unfolded sum of the 16-bit words in `[at, at + length)`; an odd last byte counts as the high one. */
export function sumWords(view: DataView, at: number, length: number): number {
  let sum = 0;
  const end = at + length;
  let i = at;
  for (; i + 4 <= end; i += 4) sum += halves(view.getInt32(i));
  if (i + 2 <= end) {
    sum += view.getUint16(i);
    i += 2;
  }
  if (i < end) sum += view.getUint8(i) << 8;
  return sum;
}

/** The checksum field's value for a folded or unfolded sum. */
export function finish(sum: number): number {
  return ~fold(sum) & 0xffff;
}

/**
 * Completes a checksum that was left to the device: the field at `at` holds the sum of the pseudo-header, un-inverted,
 * and what it covers is `[from, end)`, the field included. Never 0, which would mean "none" to UDP.
 */
export function completeChecksum(view: DataView, from: number, end: number, at: number): void {
  const checksum = finish(sumWords(view, from, end - from));
  view.setUint16(at, checksum === 0 ? 0xffff : checksum);
}

/** Copies `length` bytes between two buffers. @returns the unfolded sum of their 16-bit words, as `sumWords` has it */
export function copySumming(
  from: DataView,
  fromAt: number,
  to: DataView,
  toAt: number,
  length: number,
): number {
  let sum = 0;
  const shift = toAt - fromAt;
  const end = fromAt + length;
  let at = fromAt;
  for (; at + 4 <= end; at += 4) {
    const word = from.getInt32(at);
    to.setInt32(at + shift, word);
    sum += halves(word);
  }
  for (; at < end; at++) {
    const byte = from.getUint8(at);
    to.setUint8(at + shift, byte);
    sum += ((at - fromAt) & 1) === 0 ? byte << 8 : byte;
  }
  return sum;
}
