/** What in two configurations is the same thing, though it may differ. */
import { Blocks } from './blocks.js';
import { isNat64 } from './identity.js';
import type { ResolvedRealServer, ResolvedService } from './model.js';
import { overlap, portRange } from './ports.js';

/** From what there is to what there was. */
export type Pairs<Item> = ReadonlyMap<Item, Item>;

/** Pairs the items of two lists, each with one at most, the more alike first. */
class Pairing<Item> {
  readonly pairs = new Map<Item, Item>();
  readonly #before: Set<Item>;
  readonly #after: readonly Item[];

  constructor(before: readonly Item[], after: readonly Item[]) {
    this.#before = new Set(before);
    this.#after = after;
  }

  /** What has no partner yet, in its order. */
  get before(): Item[] {
    return [...this.#before];
  }

  get after(): Item[] {
    return this.#after.filter((item) => !this.pairs.has(item));
  }

  isLeft(before: Item): boolean {
    return this.#before.has(before);
  }

  pair(after: Item, before: Item): void {
    this.pairs.set(after, before);
    this.#before.delete(before);
  }

  /** Pairs those left that have the same key; undefined is none. */
  byKey(keyBefore: (item: Item) => string | undefined, keyAfter = keyBefore): this {
    const found = new Map<string | undefined, Item>();
    for (const item of this.before.reverse()) found.set(keyBefore(item), item);
    for (const item of this.after) {
      const key = keyAfter(item);
      const partner = key === undefined ? undefined : found.get(key);
      if (partner === undefined) continue;
      found.delete(key);
      this.pair(item, partner);
    }
    return this;
  }
}

/** Those that `keyOf` says are equal. */
export function pairEqual<Item>(
  before: readonly Item[],
  after: readonly Item[],
  keyOf: (item: Item) => string,
): Pairs<Item> {
  return new Pairing(before, after).byKey(keyOf).pairs;
}

/**
 * A service is the same if protocol and mode are, which its connections are made of, and it has an address and a port
 * that it had: the one with just the same ones, else the first with some of them.
 */
export function pairServices(
  before: readonly ResolvedService[],
  after: readonly ResolvedService[],
): Pairs<ResolvedService> {
  const pairing = new Pairing(before, after).byKey(allOf);
  const left = pairing.before;
  const order = new Map(left.map((service, index) => [service, index]));
  const candidates = new Map(pairing.after.map((service) => [service, new Set<number>()]));
  for (const [old, service] of meetings(left, pairing.after)) candidates.get(service)!.add(order.get(old)!);
  for (const [service, old] of meetings(pairing.after, left)) candidates.get(service)!.add(order.get(old)!);
  for (const [service, places] of candidates) {
    const partner = [...places].sort((a, b) => a - b).find((place) => pairing.isLeft(left[place]!));
    if (partner !== undefined) pairing.pair(service, left[partner]!);
  }
  return pairing.pairs;
}

/** Each service with each other one that it may be, and meets in one of its blocks or in a wider one around it. */
function* meetings(
  services: readonly ResolvedService[],
  others: readonly ResolvedService[],
): Generator<readonly [ResolvedService, ResolvedService]> {
  const blocks = new Blocks<ResolvedService>();
  for (const other of others) for (const block of other.address) blocks.add(block, other);
  for (const service of services) {
    for (const other of service.address.flatMap((block) => blocks.around(block))) {
      if (mayBe(service, other)) yield [service, other];
    }
  }
}

/** Whether services that have an address in common may be the same. */
function mayBe(a: ResolvedService, b: ResolvedService): boolean {
  if (kindOf(a) !== kindOf(b)) return false;
  const ports = b.port.map(portRange);
  return a.port.some((port) => ports.some((other) => overlap(portRange(port), other)));
}

function kindOf(service: ResolvedService): string {
  return `${service.protocol} ${service.mode} ${isNat64(service)}`;
}

/** The same text for the same addresses and ports, in whatever order they stand. */
function allOf(service: ResolvedService): string {
  const { address, port } = inOrder(service);
  return `${kindOf(service)} ${JSON.stringify([address, port])}`;
}

/** With its addresses and ports in an order that does not depend on who wrote them: theirs means nothing. */
export function inOrder(service: ResolvedService): ResolvedService {
  const port = [...service.port].sort((a, b) => portRange(a).first - portRange(b).first);
  return { ...service, address: [...service.address].sort(), port };
}

/**
 * A real server is the same if its address and port are; else if it keeps the client's port where it had the service's
 * own, or the other way round: that is what a port that comes or goes makes of it (see `solePort`).
 * @param ports the service's now
 */
export function pairRealServers(
  before: readonly ResolvedRealServer[],
  after: readonly ResolvedRealServer[],
  ports: ResolvedService['port'],
): Pairs<ResolvedRealServer> {
  const ranges = ports.map(portRange);
  const portless = ({ address, port }: ResolvedRealServer) => (port === undefined ? address : undefined);
  const ported = ({ address, port }: ResolvedRealServer) =>
    port !== undefined && ranges.some(({ first, last }) => first <= port && port <= last)
      ? address
      : undefined;
  return new Pairing(before, after)
    .byKey(({ address, port = 0 }) => `${address} ${port}`)
    .byKey(portless, ported)
    .byKey(ported, portless).pairs;
}
