import { type BalancerConfig, validateConfig } from '../../../lib/balancer/config/index.js';

const sound: BalancerConfig = {
  links: [{ name: 'outside' }, { name: 'inside', interface: 'eth1' }],
  routes: [
    { to: '0.0.0.0/0', link: 'outside', via: '203.0.113.1' },
    { to: '2001:db8::/32', link: 'outside' },
  ],
  services: [
    {
      address: '203.0.113.10',
      port: 80,
      mode: 'fullnat',
      scheduler: 'rr',
      localAddresses: ['10.0.0.2'],
      realServers: [{ address: '10.0.0.11', port: 8080 }],
    },
    {
      address: ['2001:db8::443'],
      port: [443],
      mode: 'fullnat',
      scheduler: 'rr',
      localAddresses: ['fd00::2'],
      realServers: [{ address: 'fd00::11', port: 8443 }],
    },
  ],
};

type Steps = (string | number)[];

/** A sound configuration with these values set or added, each at its path: `services[0].realServers[1]`. */
export function changed(values: Readonly<Record<string, unknown>>): unknown {
  return Object.entries(values).reduce<unknown>(
    (config, [path, value]) => put(config, stepsOf(path), value),
    sound,
  );
}

/** A sound configuration without what is at the path. */
export function without(path: string): unknown {
  return JSON.parse(JSON.stringify(changed({ [path]: undefined })));
}

/** The faults of the sound configuration after these changes, as [path, given, wanted]. */
export function faultsAfter(values: Readonly<Record<string, unknown>>): [string, string, string][] {
  const { faults = [] } = validateConfig(changed(values));
  return faults.map(({ path, given, wanted }) => [path, given, wanted]);
}

function stepsOf(path: string): Steps {
  return path.split('.').flatMap((part) => {
    const [key, ...indexes] = part.split(/[[\]]+/).filter((step) => step !== '');
    return [key!, ...indexes.map(Number)];
  });
}

function put(target: unknown, [step, ...rest]: Steps, value: unknown): unknown {
  if (step === undefined) return value;
  if (typeof step === 'number') {
    const items: unknown[] = Array.isArray(target) ? [...target] : [];
    items[step] = put(items[step], rest, value);
    return items;
  }
  const record: Record<string, unknown> = { ...(target as Record<string, unknown> | undefined) };
  record[step] = put(record[step], rest, value);
  return record;
}
