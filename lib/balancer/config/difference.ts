import { realServerName } from './identity.js';
import type { ResolvedConfig, ResolvedRealServer, ResolvedService, RouteConfig } from './model.js';
import { inOrder, type Pairs, pairEqual, pairRealServers, pairServices } from './pairing.js';

/** One value that differs; `undefined` where there is none, as of an option that was not given. */
export interface Change {
  /** By its path within what it belongs to: `weight`, `timeouts.established`. */
  readonly name: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** How a list differs; what does not is left out. */
export interface ListDifference<Item, Changed = never> {
  readonly removed?: readonly Item[];
  readonly added?: readonly Item[];
  readonly changed?: readonly Changed[];
  /** What both lists have stands in another order. */
  readonly reordered?: true;
}

export interface RealServerDifference {
  /** `10.0.0.11:8080`, or the address alone where it has no port of its own. */
  readonly realServer: string;
  readonly changes: readonly Change[];
}

export interface ServiceDifference {
  /** Its name now. */
  readonly service: string;
  readonly realServers?: ListDifference<string, RealServerDifference>;
  readonly localAddresses?: ListDifference<string>;
  /** Everything else. */
  readonly changes?: readonly Change[];
}

/** What differs between two configurations, and nothing else: `{}` where nothing does. Services go by their names. */
export interface Difference {
  readonly services?: ListDifference<string, ServiceDifference>;
  /** A route that leads another way is removed and added. */
  readonly routes?: ListDifference<RouteConfig>;
  readonly settings?: readonly Change[];
}

/** Compares two configurations for the same links; pairing.ts says what is the same in both. */
export function differenceOf(running: ResolvedConfig, next: ResolvedConfig): Difference {
  return present({
    services: compareLists(running.services, next.services, {
      pair: pairServices,
      show: ({ name }) => name,
      compare: compareServices,
    }),
    routes: compareLists(running.routes, next.routes, {
      pair: equal((route) => JSON.stringify([route.to, route.link, route.via, route.source, route.mtu])),
      show: (route) => route,
    }),
    settings: changesOf(running.settings, next.settings),
  });
}

function compareServices(before: ResolvedService, after: ResolvedService): ServiceDifference | undefined {
  const { realServers: oldServers, localAddresses: oldLocals, ...oldRest } = inOrder(before);
  const { realServers: newServers, localAddresses: newLocals, ...newRest } = inOrder(after);
  const difference = present({
    realServers: compareLists(oldServers, newServers, {
      pair: (old, current) => pairRealServers(old, current, after.port),
      show: realServerName,
      compare: compareServers,
    }),
    localAddresses: compareLists(oldLocals, newLocals, { pair: equal(String), show: String }),
    changes: changesOf(oldRest, newRest),
  });
  return isEmpty(difference) ? undefined : { service: after.name, ...difference };
}

function compareServers(
  before: ResolvedRealServer,
  after: ResolvedRealServer,
): RealServerDifference | undefined {
  const changes = changesOf(before, after);
  return changes && { realServer: realServerName(after), changes };
}

interface Comparison<Item, Shown, Changed> {
  readonly pair: (before: readonly Item[], after: readonly Item[]) => Pairs<Item>;
  readonly show: (item: Item) => Shown;
  /** Of two that are a pair. */
  readonly compare?: (before: Item, after: Item) => Changed | undefined;
}

function equal<Item>(keyOf: (item: Item) => string): Comparison<Item, unknown, unknown>['pair'] {
  return (before, after) => pairEqual(before, after, keyOf);
}

function compareLists<Item, Shown, Changed = never>(
  before: readonly Item[],
  after: readonly Item[],
  { pair, show, compare }: Comparison<Item, Shown, Changed>,
): ListDifference<Shown, Changed> | undefined {
  const pairs = pair(before, after);
  const partners = new Set(pairs.values());
  const kept = after.filter((item) => pairs.has(item));
  const keptBefore = before.filter((item) => partners.has(item));
  const difference = present({
    removed: nonEmpty(before.filter((item) => !partners.has(item)).map(show)),
    added: nonEmpty(after.filter((item) => !pairs.has(item)).map(show)),
    changed: nonEmpty(kept.flatMap((item) => compare?.(pairs.get(item)!, item) ?? [])),
    reordered: kept.some((item, index) => pairs.get(item) !== keptBefore[index])
      ? (true as const)
      : undefined,
  });
  return isEmpty(difference) ? undefined : difference;
}

/** The values that differ, by their paths; those of objects one by one, lists as a whole. */
function changesOf(before: object, after: object): readonly Change[] | undefined {
  const old = new Map(valuesOf(before, ''));
  const current = new Map(valuesOf(after, ''));
  const names = [...new Set([...old.keys(), ...current.keys()])];
  return nonEmpty(
    names
      .map((name) => ({ name, from: old.get(name), to: current.get(name) }))
      .filter(({ from, to }) => JSON.stringify(from) !== JSON.stringify(to)),
  );
}

function valuesOf(value: object, path: string): [string, unknown][] {
  return Object.entries(value).flatMap(([key, each]: [string, unknown]) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? valuesOf(each, `${path}${key}.`)
      : [[`${path}${key}`, each]],
  );
}

type Present<Fields> = { readonly [Key in keyof Fields]?: Exclude<Fields[Key], undefined> };

/** Without the fields that have no value. */
function present<const Fields extends object>(fields: Fields): Present<Fields> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Present<Fields>;
}

function nonEmpty<Item>(items: readonly Item[]): readonly Item[] | undefined {
  return items.length === 0 ? undefined : items;
}

/** Whether two configurations are the same. */
export function isEmpty(difference: object): boolean {
  return Object.keys(difference).length === 0;
}
