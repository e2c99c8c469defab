import type { Family } from '../../net/address.js';
import type { Faults } from './faults.js';

/** The family of an address or CIDR that is known to be sound. */
export function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4;
}

/** Finds the siblings that have the same key as an earlier one. Items without a key are left alone. */
export function refuseRepeated<Item>(
  items: readonly (Item | undefined)[],
  keyOf: (item: Item) => string | undefined,
  path: string,
  field: string,
  faults: Faults,
): void {
  const first = new Map<string, number>();
  for (const [index, item] of items.entries()) {
    const key = item === undefined ? undefined : keyOf(item);
    if (key === undefined) continue;
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, index);
    else faults.add(`${path}[${index}]${field && `.${field}`}`, key, `another than ${path}[${earlier}] has`);
  }
}
