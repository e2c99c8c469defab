import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BalancerConfig, validateConfig } from '../../../lib/balancer/config/index.js';
import { faultsAfter, without } from './changed.js';

function fixture(name: string): unknown {
  return JSON.parse(readFileSync(`test/unit/config/fixtures/${name}.json`, 'utf8'));
}

test('a minimal file gets every default', () => {
  assert.deepEqual(validateConfig(fixture('minimal')), {
    config: {
      links: [{ name: 'eth0', interface: 'eth0', addresses: [] }],
      routes: [],
      services: [
        {
          name: '203.0.113.10:80',
          protocol: 'tcp',
          address: ['203.0.113.10'],
          port: [80],
          mode: 'fullnat',
          scheduler: 'rr',
          schedulerFlags: [],
          localAddresses: ['10.0.0.2'],
          localPorts: [5000, 65535],
          clientAddress: 'toa',
          toa: { on: ['ack'], format: 'toa-v4', cascade: false, prune: 'protected' },
          timeouts: {
            none: 2,
            established: 90,
            synSent: 3,
            synReceived: 30,
            finWait: 7,
            timeWait: 7,
            close: 3,
            closeWait: 7,
            lastAck: 7,
            listen: 120,
            synAck: 30,
            udp: 300,
          },
          limits: { connectionsPerSecond: 0, bytesPerSecond: 0 },
          synProxy: {
            mode: 'off',
            mss: 1452,
            sack: true,
            windowScale: 7,
            timestamp: false,
            ttl: 63,
            deferUntilData: false,
            badAck: 'reset',
            reuse: ['close', 'timeWait'],
            storedSegments: 3,
            ackStormThreshold: 10,
            synRetries: 3,
            halfOpenHigh: 256,
            halfOpenLow: 64,
          },
          expireQuiescent: false,
          realServers: [
            { address: '10.0.0.11', port: 8080, weight: 1, upperThreshold: 0, lowerThreshold: 0 },
          ],
        },
      ],
      settings: {
        profile: 'kernel',
        strayAck: 'reset',
        maxConnections: 262144,
        resetOnExpiry: true,
        expireWithoutServer: false,
        expireQuiescentTemplate: false,
        dropEntry: 'auto',
      },
    },
  });
});

test('what a file says is kept, with addresses in canonical text', () => {
  assert.deepEqual(validateConfig(fixture('full')), { config: fixture('full.resolved') });
});

test('a resolved configuration is a sound configuration, and resolves to itself', () => {
  const { config } = validateConfig(fixture('full'));
  const again: BalancerConfig = config!;
  assert.deepEqual(validateConfig(again), { config });
});

test('the input is left as it was', () => {
  const input = fixture('full');
  validateConfig(input);
  assert.deepEqual(input, fixture('full'));
});

test('every fault of a file is told at once', () => {
  const { faults } = validateConfig(fixture('many-faults'));
  assert.deepEqual(
    faults?.map(({ path, given, wanted }) => `${path}: given ${given}, wanted ${wanted}`),
    [
      'lniks: given [], wanted one of the keys links, routes, services, settings',
      'links[1].interface: given "no/name", wanted the name of a network interface: 1 to 15 characters, no blank, slash or colon',
      'services[0].realServers[0].port: given "8080", wanted an integer from 1 to 65535',
      'services[0].realServers[1].weight: given -1, wanted an integer from 0 to 65535',
      'links[1].name: given "outside", wanted another than links[0] has',
      'routes[0].link: given "inside", wanted the name of a link: outside',
      'routes[0].via: given "2001:db8::1", wanted an IPv4 address, as the route goes to 10.0.0.0/8',
      'services[1]: given "203.0.113.10:80", wanted another than services[0] has',
      'services[0].localAddresses: given ["203.0.113.10"], wanted nothing, as NAT keeps the client\'s address',
      `services[0].realServers[1].address: given "2001:db8::11", wanted an IPv4 address, as the service's is 203.0.113.10`,
      `services[1].toa.format: given "toa-v6", wanted a format for IPv4, as the service's address is 203.0.113.10`,
      'services[0].localAddresses[0]: given "203.0.113.10", wanted an address that is not a VIP, as services[0].address is',
      `services[1].localAddresses[0]: given "10.0.0.11", wanted an address that is not a real server's, as services[0].realServers[0].address is`,
    ],
  );
});

for (const path of ['links', 'services', 'links[0].name']) {
  test(`${path} may not be left out`, () => {
    const { faults } = validateConfig(without(path));
    assert.deepEqual(faults?.map((fault) => [fault.path, fault.given])[0], [path, 'nothing']);
  });
}

for (const key of [
  'address',
  'port',
  'mode',
  'scheduler',
  'localAddresses',
  'realServers',
  'realServers[0].address',
]) {
  test(`a service's ${key} may not be left out`, () => {
    const { faults } = validateConfig(without(`services[0].${key}`));
    assert.deepEqual(
      faults?.map((fault) => [fault.path, fault.given]),
      [[`services[0].${key}`, 'nothing']],
    );
  });
}

test('what is no object at all is refused as a whole', () => {
  for (const [input, given] of [
    [undefined, 'nothing'],
    [null, 'null'],
    ['{}', '"{}"'],
    [[], '[]'],
    [() => 1, 'a function'],
  ]) {
    assert.deepEqual(validateConfig(input), { faults: [{ path: '(root)', given, wanted: 'an object' }] });
  }
});

test('keys that every object has are not known keys', () => {
  for (const key of ['constructor', '__proto__', 'toString']) {
    const input: unknown = JSON.parse(`{ "links": [{ "name": "a" }], "services": [], "${key}": {} }`);
    assert.deepEqual(
      validateConfig(input).faults?.map((fault) => fault.path),
      [key],
    );
  }
});

test('a key that is no word is quoted in the path, and a long text is cut', () => {
  assert.deepEqual(faultsAfter({ 'a b': 'x'.repeat(1000) }), [
    ['"a b"', `"${'x'.repeat(80)}…"`, 'one of the keys links, routes, services, settings'],
  ]);
});

test('arbitrary values give faults, and never throw', () => {
  const key = fc.constantFrom(
    'links',
    'routes',
    'services',
    'settings',
    'name',
    'address',
    'port',
    'toa',
    'on',
    'realServers',
    'x',
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom<unknown>(null, undefined, true, -1, 80, Number.NaN, 1n, '10.0.0.1', '', Symbol('x')),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(key, tie('value'), { maxKeys: 6 }),
    ),
  }));
  fc.assert(
    fc.property(value, (input) => {
      const { config, faults } = validateConfig(input);
      assert.ok(config !== undefined || faults.length > 0);
    }),
    { numRuns: 2000 },
  );
});
