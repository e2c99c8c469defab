import { concat } from '../support/wire.js';

/** By kind, the lengths of options: what may stay where all is stripped off a SYN, */
const VITAL: Lengths = { 2: [4], 3: [3] };
/** what a SYN negotiates with, and of other segments: given up for the sake of TOA only where there is no other way, after DPVS. */
const PROTECTED: Record<'syn' | 'later', Lengths> = {
  syn: { ...VITAL, 4: [2], 30: [4, 12] },
  later: { 8: [10] },
};
type Lengths = Readonly<Record<number, readonly number[]>>;

/**
 * Options that have to do with `room` bytes: NOPs go, then from the front those that are not protected, as many as need
 * be; where that does not suffice, of a SYN all but the vital ones. Undefined where nothing suffices.
 */
export function pruned(options: Uint8Array, room: number, isSyn: boolean): Uint8Array | undefined {
  const all = listed(options).filter(([kind]) => kind !== 1);
  const kept = [...all];
  const safe = firsts(all, PROTECTED[isSyn ? 'syn' : 'later']);
  for (let at = 0; at < kept.length && paddedBytes(kept) > room; ) {
    if (safe.includes(kept[at]!)) at++;
    else kept.splice(at, 1);
  }
  const left = paddedBytes(kept) > room && isSyn ? firsts(all, VITAL) : kept;
  if (paddedBytes(left) > room) return undefined;
  const bytes = concat(...left);
  return concat(bytes, new Uint8Array(-bytes.length & 3));
}

/** The first option of each kind that has one of its lengths. */
function firsts(list: readonly Uint8Array[], lengths: Lengths): Uint8Array[] {
  const right = list.filter(({ 0: kind, length }) => lengths[kind!]?.includes(length));
  return right.filter((option, at) => right.findIndex(([kind]) => kind === option[0]) === at);
}

/** The bytes of options in a header. */
function paddedBytes(list: readonly Uint8Array[]): number {
  return 4 * Math.ceil(list.reduce((sum, { length }) => sum + length, 0) / 4);
}

/** The options of a list one by one. */
function listed(options: Uint8Array): Uint8Array[] {
  const list: Uint8Array[] = [];
  for (let at = 0; at < options.length && options[at] !== 0; ) {
    const length = options[at] === 1 ? 1 : options[at + 1]!;
    list.push(options.slice(at, at + length));
    at += length;
  }
  return list;
}
