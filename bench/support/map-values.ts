/** The same keys, with what `map` makes of the values. */
export function mapValues<Key extends string, From, To>(
  record: Readonly<Record<Key, From>>,
  map: (value: From, key: Key) => To,
): Record<Key, To> {
  const entries = (Object.entries(record) as [Key, From][]).map(([key, value]) => [key, map(value, key)]);
  return Object.fromEntries(entries) as Record<Key, To>;
}
