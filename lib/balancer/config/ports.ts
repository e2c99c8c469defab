/** Both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** What a sound port or range of the configuration stands for: 80 for 80..80, `8000-8010` for 8000..8010. */
export function portRange(port: number | string): PortRange {
  const [first, last = first] = String(port).split('-').map(Number);
  return { first: first!, last: last! };
}

/** The one port that a service has, or undefined where it has several. */
export function solePort(ports: readonly (number | string)[]): number | undefined {
  const [port] = ports;
  return ports.length === 1 && typeof port === 'number' ? port : undefined;
}

export function overlap(a: PortRange, b: PortRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** Whether all ports of the inner range are in the outer one. */
export function within(inner: PortRange, outer: PortRange): boolean {
  return outer.first <= inner.first && inner.last <= outer.last;
}
