import { type Family, formatAddress, parseCidr } from '../../net/address.js';

/** Things that stand for blocks of addresses, found by an address or a block within theirs. All blocks must be sound. */
export class Blocks<Thing> {
  readonly #things = new Map<string, Thing[]>();
  readonly #prefixes: Readonly<Record<Family, Set<number>>> = { 4: new Set(), 6: new Set() };

  /** @param block an address or a CIDR */
  add(block: string, thing: Thing): void {
    const { family, prefix } = parseCidr(block)!;
    this.#prefixes[family].add(prefix);
    const key = blockAround(block, prefix);
    const things = this.#things.get(key);
    if (things) things.push(thing);
    else this.#things.set(key, [thing]);
  }

  /** The things whose block is this one, or contains it whole; those of the same block in the order of their adding. */
  around(block: string): Thing[] {
    const { family, prefix } = parseCidr(block)!;
    return [...this.#prefixes[family]]
      .filter((wider) => wider <= prefix)
      .flatMap((wider) => this.#things.get(blockAround(block, wider)) ?? []);
  }
}

/** The block of so many bits that a block lies in. */
function blockAround(block: string, prefix: number): string {
  const [address] = block.split('/');
  const { bytes, family } = parseCidr(`${address}/${prefix}`)!;
  return `${formatAddress(bytes, 0, family)}/${prefix}`;
}
