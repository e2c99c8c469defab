import { ToaError } from '../errors.js';
import { type FormatId, formatById, formats, type ToaFormat } from './registry.js';

/** The formats that a receiver accepts. No two of them have the same kind and length. */
export class FormatSet {
  readonly formats: readonly ToaFormat[];
  /** 256 flags: 1 where an accepted format has that kind. */
  readonly kinds: Uint8Array = new Uint8Array(256);
  readonly #byKey = new Map<number, ToaFormat>();

  /** Use {@link acceptFormats}, which refuses collisions. */
  constructor(accepted: readonly ToaFormat[]) {
    this.formats = accepted;
    for (const format of accepted) {
      this.kinds[format.kind] = 1;
      this.#byKey.set(key(format.kind, format.length), format);
    }
  }

  /** The accepted format of this kind and length (0..255 each). */
  match(kind: number, length: number): ToaFormat | undefined {
    return this.#byKey.get(key(kind, length));
  }
}

function key(kind: number, length: number): number {
  return (kind << 8) | length;
}

/** Names for formats that belong together and are told apart by their length. */
const groups: ReadonlyMap<string, readonly FormatId[]> = new Map([
  ['vip-253', ['vip-253-v4', 'vip-253-v6']],
  ['cdn-28', ['cdn-28-v4', 'cdn-28-v6']],
]);

/** The name of one format, or of a group of them. */
export type FormatName = FormatId | 'vip-253' | 'cdn-28';

/**
 * The set of formats to accept: `'default'` (254/8 and 254/20), `'all'`, or names. `'all'` leaves out `vip-253`, which
 * nothing on the wire tells from `toa-v4-253` and `toa-v6-253`; who has such a balancer names it.
 * Throws ERR_TOA_FORMAT for unknown names, colliding formats and an empty list.
 */
export function acceptFormats(names: Iterable<FormatName> | 'default' | 'all' = 'default'): FormatSet {
  if (names === 'default') return new FormatSet(formats.filter((format) => format.default));
  if (names === 'all')
    return new FormatSet(formats.filter((format) => !groups.get('vip-253')!.includes(format.id)));
  if (typeof names === 'string') throw refusal(`"${names}"`, `'default', 'all' or a list of names`);
  const accepted = [
    ...new Set([...names].flatMap((name): readonly string[] => groups.get(name) ?? [name])),
  ].map(known);
  if (accepted.length === 0) throw refusal('an empty list', 'at least one format');
  refuseCollisions(accepted);
  return new FormatSet(accepted);
}

function known(id: string): ToaFormat {
  const format = formatById(id);
  if (!format) throw refusal(`"${id}"`, `one of ${formats.map((known) => known.id).join(', ')}`);
  return format;
}

function refuseCollisions(accepted: readonly ToaFormat[]): void {
  for (const [index, format] of accepted.entries()) {
    const other = accepted
      .slice(0, index)
      .find(({ kind, length }) => kind === format.kind && length === format.length);
    if (other) {
      const wire = `kind ${format.kind} and length ${format.length}`;
      throw refusal(`"${other.id}" and "${format.id}"`, `only one of them: both have ${wire}`);
    }
  }
}

function refusal(given: string, wanted: string): ToaError {
  return new ToaError('ERR_TOA_FORMAT', `formats: given ${given}, wanted ${wanted}`);
}
