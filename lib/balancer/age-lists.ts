const NONE = -1;

/** A fixed number of lists of small integers, each in one list at most, in the order in which they were appended. */
export class AgeLists {
  readonly #oldest: Int16Array;
  readonly #newest: Int16Array;
  readonly #older: Int16Array;
  readonly #newer: Int16Array;

  /** @param items they are 0 to `items` - 1, up to 32766 */
  constructor(lists: number, items: number) {
    this.#oldest = new Int16Array(lists).fill(NONE);
    this.#newest = new Int16Array(lists).fill(NONE);
    this.#older = new Int16Array(items);
    this.#newer = new Int16Array(items);
  }

  /** The list's oldest item, or -1. */
  oldest(list: number): number {
    return this.#oldest[list]!;
  }

  /** The item that was appended to the same list after this one, or -1. */
  newer(item: number): number {
    return this.#newer[item]!;
  }

  append(list: number, item: number): void {
    const newest = this.#newest[list]!;
    if (newest === NONE) this.#oldest[list] = item;
    else this.#newer[newest] = item;
    this.#older[item] = newest;
    this.#newer[item] = NONE;
    this.#newest[list] = item;
  }

  remove(list: number, item: number): void {
    const older = this.#older[item]!;
    const newer = this.#newer[item]!;
    if (older === NONE) this.#oldest[list] = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest[list] = older;
    else this.#older[newer] = older;
  }
}
