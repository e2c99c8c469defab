import { concat } from '../support/wire.js';

/** Kinds that are never given up for the sake of TOA, after DPVS: what a SYN negotiates with, and else timestamps. */
const PROTECTED = { syn: [2, 3, 4, 8, 30, 34], later: [8] } as const;

/**
 * Options that have to do with `room` bytes: NOPs go, then from the front those that are not protected, as many as need
 * be. Undefined where that does not suffice.
 */
export function pruned(options: Uint8Array, room: number, isSyn: boolean): Uint8Array | undefined {
  const kept = listed(options).filter(([kind]) => kind !== 1);
  const safe: readonly number[] = PROTECTED[isSyn ? 'syn' : 'later'];
  const bytes = () => kept.reduce((sum, { length }) => sum + length, 0);
  for (let at = 0; at < kept.length && bytes() > room; ) {
    if (safe.includes(kept[at]![0]!)) at++;
    else kept.splice(at, 1);
  }
  const padded = concat(...kept, new Uint8Array(-bytes() & 3));
  return padded.length <= room ? padded : undefined;
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
