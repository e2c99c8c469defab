/** A fixed sequence of numbers for each seed (xorshift32, Marsaglia 2003): what was drawn once is drawn again. */
export class Random {
  #state: number;

  /** @param seed any integer */
  constructor(seed: number) {
    // Spread, so that neighboring seeds do not begin alike; and never 0, which would stay 0.
    this.#state = Math.imul(seed + 1, 0x9e3779b9) | 1;
    for (let i = 0; i < 4; i++) this.#next();
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return this.#next() % limit;
  }

  /** An integer from `first` to `last`, both included. */
  between(first: number, last: number): number {
    return first + this.below(last - first + 1);
  }

  /** One of the items, of which there is at least one. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  /** One of the keys, each as often as its number says in relation to the others. */
  weighted<Key extends string>(shares: Readonly<Record<Key, number>>): Key {
    const entries = Object.entries(shares) as [Key, number][];
    let left = this.below(entries.reduce((sum, [, share]) => sum + share, 0));
    for (const [key, share] of entries) {
      if (left < share) return key;
      left -= share;
    }
    throw new Error('no shares to draw from');
  }

  #next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return this.#state >>> 0;
  }
}
