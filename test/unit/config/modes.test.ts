import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type BalancerConfig,
  type ServiceConfig,
  validateConfig,
} from '../../../lib/balancer/config/index.js';

type Wishes = Partial<Record<keyof ServiceConfig | 'protocol', unknown>>;

const services = {
  fullnat: { address: '203.0.113.10', localAddresses: ['10.0.0.2'], realServers: [{ address: '10.0.0.11' }] },
  nat64: { address: '2001:db8::10', localAddresses: ['10.0.0.2'], realServers: [{ address: '10.0.0.11' }] },
  nat: { address: '203.0.113.10', realServers: [{ address: '10.0.0.11' }] },
  dr: { address: '203.0.113.10', realServers: [{ address: '10.0.0.11' }] },
  tun: { address: '203.0.113.10', localAddresses: ['10.0.0.2'], realServers: [{ address: '10.1.0.11' }] },
} as const;

type Kind = keyof typeof services;

/** A sound service of the kind, with these wishes. */
function service(kind: Kind, wishes: Wishes = {}): object {
  const mode = kind === 'nat64' ? 'fullnat' : kind;
  return { port: 80, mode, scheduler: 'rr', ...services[kind], ...wishes };
}

function validate(...list: object[]) {
  const routes = [
    { to: '0.0.0.0/0', link: 'a', via: '10.0.0.1' },
    { to: '10.0.0.0/24', link: 'a' },
  ];
  return validateConfig({ links: [{ name: 'a' }], routes, services: list });
}

/** The faults in such services, as lines. */
function faultsOf(...list: object[]): string[] {
  const { faults = [] } = validate(...list);
  return faults.map(({ path, given, wanted }) => `${path}: ${given}: ${wanted}`);
}

for (const kind of Object.keys(services) as Kind[]) {
  test(`a service in mode ${kind} is accepted, and resolves to itself`, () => {
    const { config, faults } = validate(service(kind));
    assert.deepEqual(faults, undefined);
    assert.deepEqual(validateConfig(config), { config });
  });
}

const servers = (...list: object[]) => ({ realServers: list });
const at = (address: string, more: object = {}) => ({ address, ...more });

/** What a service of a kind may not have, and the faults that it makes. */
const refused: readonly [name: string, kind: Kind, wishes: Wishes, ...faults: string[]][] = [
  [
    'FULLNAT does not go from IPv4 to IPv6',
    'fullnat',
    { localAddresses: ['fd00::2'], ...servers(at('fd00::11')) },
    `localAddresses[0]: "fd00::2": an IPv4 address, as the service's is 203.0.113.10`,
    `realServers[0].address: "fd00::11": an IPv4 address, as the service's is 203.0.113.10`,
  ],
  [
    'NAT64 has IPv4 behind it only',
    'nat64',
    { localAddresses: ['10.0.0.2', 'fd00::2'], ...servers(at('10.0.0.11'), at('fd00::11')) },
    'localAddresses[1]: "fd00::2": an IPv4 address, as services[0].localAddresses[0] is',
    'realServers[1].address: "fd00::11": an IPv4 address, as services[0].localAddresses[0] is',
  ],
  [
    'FULLNAT within IPv6 has no IPv4 behind it',
    'nat64',
    { localAddresses: ['fd00::2'] },
    `realServers[0].address: "10.0.0.11": an IPv6 address, as the service's is 2001:db8::10`,
  ],
  [
    'NAT64 is for TCP only',
    'nat64',
    { protocol: 'udp' },
    'protocol: "udp": tcp, as FULLNAT from IPv6 to IPv4 (NAT64) is for TCP only',
  ],
  [
    'NAT has no addresses and ports of its own',
    'nat',
    { localAddresses: ['10.0.0.2'], localPorts: [5000, 6000] },
    `localAddresses: ["10.0.0.2"]: nothing, as NAT keeps the client's address`,
    `localPorts: [5000, 6000]: nothing, as NAT keeps the client's port`,
  ],
  [
    'NAT stays within one family',
    'nat',
    servers(at('fd00::11')),
    `realServers[0].address: "fd00::11": an IPv4 address, as the service's is 203.0.113.10`,
  ],
  [
    'DR has no addresses of its own, and stays within one family',
    'dr',
    { localAddresses: ['10.0.0.2'], ...servers(at('fd00::11')) },
    `localAddresses: ["10.0.0.2"]: nothing, as DR keeps the client's address`,
    `realServers[0].address: "fd00::11": an IPv4 address, as the service's is 203.0.113.10`,
  ],
  [
    'DR does not change the port',
    'dr',
    servers(at('10.0.0.11', { port: 8080 }), at('10.0.0.12', { port: 80 })),
    'realServers[0].port: 8080: 80, or nothing, as DR keeps the port',
  ],
  [
    'DR with several ports keeps the one that the client chose',
    'dr',
    { port: [80, 443], ...servers(at('10.0.0.11', { port: 80 })) },
    'realServers[0].port: 80: nothing, as DR keeps the port',
  ],
  [
    'DR reaches neighbors only',
    'dr',
    servers(at('10.0.1.11')),
    'realServers[0].address: "10.0.1.11": a neighbor, as DR sends to its MAC address; routes[0] leads over 10.0.0.1',
  ],
  [
    'TUN does not change the port',
    'tun',
    { port: '80-81', ...servers(at('10.1.0.11', { port: 80 })), localPorts: [1, 2] },
    `localPorts: [1, 2]: nothing, as TUN keeps the client's port`,
    'realServers[0].port: 80: nothing, as TUN keeps the port',
  ],
  [
    'TUN needs an outer source of the family of each real server',
    'tun',
    servers(at('10.1.0.11'), at('fd00::11')),
    'localAddresses: ["10.0.0.2"]: an IPv6 address, which the outer headers to services[0].realServers[1].address come from',
  ],
  [
    'TUN needs an outer source',
    'tun',
    { localAddresses: [] },
    'localAddresses: []: an IPv4 address, which the outer headers to services[0].realServers[0].address come from',
  ],
  [
    'UDP has no option',
    'fullnat',
    { protocol: 'udp', clientAddress: 'toa', toa: {} },
    'clientAddress: "toa": none, as only FULLNAT over TCP can tell it, not FULLNAT over UDP',
  ],
  [
    'NAT has nothing to tell',
    'nat',
    { clientAddress: 'proxy-v2' },
    'clientAddress: "proxy-v2": none, as only FULLNAT over TCP can tell it, not NAT over TCP',
  ],
  [
    'settings of the option are for a service that has it',
    'fullnat',
    { clientAddress: 'proxy-v2', toa: { on: ['syn'] } },
    `toa: an object: nothing, as the service's clientAddress is proxy-v2`,
  ],
  [
    'settings of the option are not for DR',
    'dr',
    { toa: {} },
    `toa: an object: nothing, as the service's clientAddress is none`,
  ],
  [
    'DR answers past the balancer, so that it cannot stand between two handshakes',
    'dr',
    { synProxy: {} },
    'synProxy: an object: nothing, as it takes NAT or FULLNAT over TCP, where both directions cross the balancer, not DR over TCP',
  ],
  [
    'nor can it for TUN, even if it is off',
    'tun',
    { synProxy: { mode: 'off' } },
    'synProxy: an object: nothing, as it takes NAT or FULLNAT over TCP, where both directions cross the balancer, not TUN over TCP',
  ],
  [
    'UDP has no handshake',
    'nat',
    { protocol: 'udp', synProxy: {} },
    'synProxy: an object: nothing, as it takes NAT or FULLNAT over TCP, where both directions cross the balancer, not NAT over UDP',
  ],
  [
    "FULLNAT's clients have no timestamps, whoever shakes their hands",
    'fullnat',
    { synProxy: { timestamp: true, reuse: ['close', 'lastAck', 'close'] } },
    'synProxy.reuse[2]: "close": another than services[0].synProxy.reuse[0] has',
    "synProxy.timestamp: true: false, as FULLNAT's clients share addresses, which timestamps do not survive",
  ],
  [
    'the lower threshold of half-open connections is not above the higher one',
    'nat',
    { synProxy: { mode: 'auto', halfOpenLow: 257 } },
    'synProxy.halfOpenLow: 257: at most services[0].synProxy.halfOpenHigh, 256',
  ],
  [
    "a scheduler's flags are its own",
    'nat',
    { scheduler: 'sh', schedulerFlags: ['sh-port', 'mh-port', 'sh-port'] },
    'schedulerFlags[2]: "sh-port": another than services[0].schedulerFlags[0] has',
    'schedulerFlags[1]: "mh-port": one of sh-port, sh-fallback, as the scheduler is sh',
  ],
  [
    'a scheduler without flags has none',
    'nat',
    { schedulerFlags: ['sh-port'] },
    'schedulerFlags[0]: "sh-port": nothing, as the scheduler is rr',
  ],
  [
    'real servers are told apart by address and port, even where the port is left out',
    'nat',
    servers(at('10.0.0.11'), at('10.0.0.11', { port: 81 }), at('10.0.0.11', { port: 80 })),
    'realServers[2]: "10.0.0.11:80": another than services[0].realServers[0] has',
  ],
  [
    'a service has each address and each port once',
    'nat',
    {
      address: ['203.0.113.0/24', '203.0.113.7', '203.0.114.1', '203.0.114.1'],
      port: [8005, '8000-8010', 80],
    },
    'address[1]: "203.0.113.7": another than services[0].address[0] has',
    'address[3]: "203.0.114.1": another than services[0].address[2] has',
    'port[0]: 8005: another than services[0].port[1] has',
  ],
  [
    'the addresses of a service are of one family',
    'nat',
    { address: ['203.0.113.1', '2001:db8::1'] },
    'address[1]: "2001:db8::1": an IPv4 address, as services[0].address[0] is',
  ],
];

for (const [name, kind, wishes, ...wanted] of refused) {
  test(name, () => {
    assert.deepEqual(
      faultsOf(service(kind, wishes)),
      wanted.map((fault) => `services[0].${fault}`),
    );
  });
}

const nat = (address: string | string[], port: number | string, more: Wishes = {}) =>
  service('nat', { address, port, ...more });

test('a service may lie within another: an address in a block, a port in a range', () => {
  assert.deepEqual(
    faultsOf(
      nat('203.0.113.0/24', '1-65535'),
      nat('203.0.113.0/28', '80-90'),
      nat('203.0.113.1', '80-90'),
      nat('203.0.113.1', 85),
      nat('203.0.113.1', 85, { protocol: 'udp' }),
    ),
    [],
  );
});

test('services that meet where neither lies within the other are refused', () => {
  const apart = 'or around them, or apart from them';
  assert.deepEqual(
    faultsOf(
      nat('203.0.113.1', '80-90'),
      nat('203.0.113.0/24', 85),
      nat(['203.0.113.2', '203.0.113.1'], '90-99'),
    ),
    [
      `services[1]: "203.0.113.0/24:85": addresses and ports within those of services[0], 203.0.113.1:80-90, ${apart}`,
      `services[2]: "203.0.113.1:90-99": addresses and ports within those of services[0], 203.0.113.1:80-90, ${apart}`,
    ],
  );
});

test('a block of VIPs holds neither local addresses nor real servers', () => {
  assert.deepEqual(faultsOf(nat('10.0.0.0/28', 80), service('fullnat', { port: 81 })), [
    'services[0].realServers[0].address: "10.0.0.11": an address that is not a VIP, as services[0].address is',
    'services[1].localAddresses[0]: "10.0.0.2": an address that is not a VIP, as services[0].address is',
    'services[1].realServers[0].address: "10.0.0.11": an address that is not a VIP, as services[0].address is',
  ]);
});

test('no service takes the name that another has by default', () => {
  assert.deepEqual(
    faultsOf(
      nat('203.0.113.1', 53, { protocol: 'udp' }),
      nat('203.0.113.2', 53, { name: '203.0.113.1:53/udp' }),
    ),
    ['services[1].name: "203.0.113.1:53/udp": another than services[0] has by default'],
  );
});

test('a real server may be reached over a route that is not in the configuration', () => {
  const config = { links: [{ name: 'a' }], services: [service('dr')] };
  assert.deepEqual(validateConfig(config).faults, undefined);
});

function establishedIn(mode: Kind, profile?: 'kernel' | 'alibaba' | 'dpvs'): number | undefined {
  const input = { links: [{ name: 'a' }], services: [service(mode)], settings: profile && { profile } };
  return validateConfig(input as BalancerConfig).config?.services[0]?.timeouts.established;
}

test("timeouts are the kernel's for NAT, DR and TUN, and Alibaba's for FULLNAT and in other profiles", () => {
  for (const mode of ['nat', 'dr', 'tun'] as const) assert.equal(establishedIn(mode), 900);
  assert.equal(establishedIn('fullnat'), 90);
  assert.equal(establishedIn('fullnat', 'kernel'), 90);
  assert.equal(establishedIn('nat', 'alibaba'), 90);
  assert.equal(establishedIn('tun', 'dpvs'), 90);
});
