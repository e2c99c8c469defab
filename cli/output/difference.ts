import type {
  Change,
  Difference,
  ListDifference,
  ServiceDifference,
} from '../../lib/balancer/config/index.js';

/** What differs between two configurations, a line each. */
export function describeDifference({ services, routes, settings = [] }: Difference): string[] {
  return [
    ...describeList(services, 'service', String),
    ...(services?.changed ?? []).flatMap(describeService),
    ...describeList(routes, 'route', ({ to, link, via }) => `${to} over ${via ?? link}`),
    ...settings.map((change) => describeChange('settings', change)),
  ];
}

function describeService(difference: ServiceDifference): string[] {
  const { service, realServers, localAddresses, changes = [] } = difference;
  return [
    ...changes.map((change) => describeChange('', change)),
    ...describeList(localAddresses, 'local address', String),
    ...describeList(realServers, 'real server', String),
    ...(realServers?.changed ?? []).flatMap((server) =>
      server.changes.map((change) => describeChange(`real server ${server.realServer}`, change)),
    ),
  ].map((line) => `service ${service}: ${line}`);
}

function describeList<Item>(
  { removed = [], added = [], reordered }: ListDifference<Item, unknown> = {},
  noun: string,
  show: (item: Item) => string,
): string[] {
  return [
    ...removed.map((item) => `${noun} ${show(item)} removed`),
    ...added.map((item) => `${noun} ${show(item)} added`),
    ...(reordered ? [`${noun}s in another order`] : []),
  ];
}

function describeChange(owner: string, { name, from, to }: Change): string {
  const path = owner === '' ? name : `${owner}: ${name}`;
  return `${path} ${describe(from)} is now ${describe(to)}`;
}

const describe = (value: unknown) => (value === undefined ? 'not given' : JSON.stringify(value));
