/**
 * A stream of uniform uint32 (Steele and others' SplitMix with a 32-bit state; Appleby's mixing function): for
 * spreading load, not for secrets.
 * @param seed any 32 bits; the same seed gives the same stream
 */
export function randomStream(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
}
