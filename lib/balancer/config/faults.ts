/** One thing that is wrong in a configuration. */
export interface Fault {
  /** Where: `services[0].realServers[1].weight`; `(root)` is the whole. */
  readonly path: string;
  readonly given: string;
  readonly wanted: string;
}

/** Collects every fault, so that a person mends a file in one go. */
export class Faults {
  readonly list: Fault[] = [];

  add(path: string, given: unknown, wanted: string): void {
    this.list.push({ path: path || '(root)', given: describe(given), wanted });
  }
}

const LONGEST_TEXT = 80;
const LONGEST_LIST = 4;

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') {
    return JSON.stringify(value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value);
  }
  if (Array.isArray(value)) {
    const short = value.length <= LONGEST_LIST && value.every((item) => typeof item !== 'object');
    return short ? `[${value.map(describe).join(', ')}]` : `a list of ${value.length}`;
  }
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
