import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formats } from '../../../lib/toa/index.js';
import { faultsAfter } from './changed.js';

/** A value at a path of a sound configuration, and the fault that it makes there. */
type Row = [path: string, value: unknown, given: string, wanted: string];

const portWanted = 'an integer from 1 to 65535';
const portsOfServiceWanted =
  'an integer from 1 to 65535, or a range such as "8000-8010", the lower port first';
const blockOfVipsWanted = 'a block of addresses that hosts on a network can have';
const schedulersWanted = 'one of rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, mh, fo, ovf, twos';
const rateWanted = 'an integer from 0 to 1000000000000';
const thresholdWanted = 'an integer from 0 to 4294967295';
const addressWanted = 'an IPv4 or IPv6 address';
const hostWanted = 'an IPv4 or IPv6 address that a host on a network can have';
const blockWanted = 'a block of addresses such as 192.0.2.0/24 or 2001:db8::/32';
const portsWanted = 'a list of two ports from 1 to 65535, the first not above the last';
const interfaceWanted = 'the name of a network interface: 1 to 15 characters, no blank, slash or colon';
const secondsWanted = 'an integer from 1 to 86400';
const connectionsWanted = 'an integer from 1 to 4194304';
const formatsWanted = `one of ${formats.map((format) => format.id).join(', ')}`;

const values: Row[] = [
  ['links', [], '[]', 'a list of at least one link'],
  ['links', 'eth0', '"eth0"', 'a list of at least one link'],
  ['links[1]', 'eth1', '"eth1"', 'an object'],
  ['links[1].name', '', '""', 'a text that is not empty'],
  ['links[1].name', 7, '7', 'a text that is not empty'],
  ['links[0].addresses', '10.0.0.1', '"10.0.0.1"', 'a list of addresses'],
  ['links[1].mtu', 1500, '1500', 'one of the keys name, interface, addresses'],
  ['links[1].interface', '', '""', interfaceWanted],
  ['links[1].interface', 'a234567890123456', '"a234567890123456"', interfaceWanted],
  ['links[1].interface', 'eth 1', '"eth 1"', interfaceWanted],
  ['links[1].interface', 'eth1:0', '"eth1:0"', interfaceWanted],
  ['links[1].interface', '..', '".."', interfaceWanted],
  ['links[1].name', 'outside', '"outside"', 'another than links[0] has'],
  ['links[1].interface', 'outside', '"outside"', 'another than links[0] has'],

  ['routes', {}, 'an object', 'a list of routes'],
  ['routes[0].to', 'default', '"default"', blockWanted],
  ['routes[0].to', '10.0.0.0/33', '"10.0.0.0/33"', blockWanted],
  ['routes[0].to', 10, '10', blockWanted],
  ['routes[0].link', 'nowhere', '"nowhere"', 'the name of a link: outside, inside'],
  ['routes[0].via', '203.0.113.256', '"203.0.113.256"', addressWanted],
  ['routes[0].via', '224.0.0.1', '"224.0.0.1"', hostWanted],
  ['routes[0].via', 'fe80::1', '"fe80::1"', 'an IPv4 address, as the route goes to 0.0.0.0/0'],
  ['routes[1].source', '10.0.0.1', '"10.0.0.1"', 'an IPv6 address, as the route goes to 2001:db8::/32'],
  ['routes[0].mtu', 67, '67', 'an integer from 68 to 65535'],
  ['routes[0].mtu', 65536, '65536', 'an integer from 68 to 65535'],
  ['routes[1].mtu', 1279, '1279', 'an integer from 1280 to 65535 for IPv6'],
  ['routes[0].metric', 1, '1', 'one of the keys to, link, via, source, mtu'],
  ['routes[2]', { to: '2001:db8:9::/32', link: 'outside' }, '"2001:db8::/32"', 'another than routes[1] has'],

  ['services', null, 'null', 'a list of services'],
  ['services[0]', [], '[]', 'an object'],
  ['services[0].name', '', '""', 'a text that is not empty'],
  ['services[0].protocol', 'sctp', '"sctp"', 'one of tcp, udp'],
  ['services[0].address', 'example.org', '"example.org"', addressWanted],
  ['services[0].address', '0.0.0.0', '"0.0.0.0"', hostWanted],
  ['services[0].address', '127.0.0.1', '"127.0.0.1"', hostWanted],
  ['services[0].address', '255.255.255.255', '"255.255.255.255"', hostWanted],
  ['services[1].address', '::', '"::"', hostWanted],
  ['services[1].address', '::1', '"::1"', hostWanted],
  ['services[1].address', 'ff02::1', '"ff02::1"', hostWanted],
  ['services[1].address', '::ffff:203.0.113.10', '"::ffff:203.0.113.10"', hostWanted],
  ['services[0].address', [], '[]', 'one, or a list of at least one'],
  ['services[1].address[1]', null, 'null', addressWanted],
  ['services[0].address', '203.0.113.0/33', '"203.0.113.0/33"', blockWanted],
  ['services[0].address', '224.0.0.0/4', '"224.0.0.0/4"', blockOfVipsWanted],
  ['services[0].address', '64.0.0.0/2', '"64.0.0.0/2"', blockOfVipsWanted],
  ['services[1].address', '::/0', '"::/0"', blockOfVipsWanted],
  [
    'services[0].address',
    '203.0.113.10/24',
    '"203.0.113.10/24"',
    'one address, or a block without bits behind its prefix, as 203.0.113.0/24',
  ],
  ['services[0].port', [], '[]', 'one, or a list of at least one'],
  ...[0, 65536, 80.5, '80', '0-80', '80-65536', '81-80', '80-', '80-81-82', ' 80-81', null].map(
    (port): Row => ['services[0].port', port, JSON.stringify(port), portsOfServiceWanted],
  ),
  ['services[1].port[1]', '443-80', '"443-80"', portsOfServiceWanted],
  ['services[0].mode', 'snat', '"snat"', 'one of nat, tun, dr, fullnat'],
  ['services[0].scheduler', 'random', '"random"', schedulersWanted],
  ['services[0].schedulerFlags', 'sh-port', '"sh-port"', 'a list of flags'],
  [
    'services[0].schedulerFlags[0]',
    'flag-1',
    '"flag-1"',
    'one of sh-port, sh-fallback, mh-port, mh-fallback',
  ],
  [
    'services[0].weight',
    1,
    '1',
    'one of the keys name, protocol, address, port, mode, scheduler, schedulerFlags, localAddresses, localPorts, clientAddress, toa, persistence, timeouts, limits, synProxy, expireQuiescent, realServers',
  ],

  [
    'services[0].localAddresses',
    [],
    'nothing',
    'at least one local address, which FULLNAT cannot do without',
  ],
  ['services[0].localAddresses', '10.0.0.2', '"10.0.0.2"', 'a list of addresses'],
  ['services[0].localAddresses[0]', '10.0.0.2/24', '"10.0.0.2/24"', addressWanted],
  [
    'services[0].localAddresses[1]',
    '10.0.0.2',
    '"10.0.0.2"',
    'another than services[0].localAddresses[0] has',
  ],
  ['services[0].localPorts', [5000], '[5000]', portsWanted],
  ['services[0].localPorts', [5000, 6000, 7000], '[5000, 6000, 7000]', portsWanted],
  ['services[0].localPorts', [6000, 5000], '[6000, 5000]', portsWanted],
  ['services[0].localPorts', [0, 5000], '[0, 5000]', portsWanted],
  ['services[0].localPorts', [5000, 65536], '[5000, 65536]', portsWanted],
  ['services[0].localPorts', ['1', '2'], '["1", "2"]', portsWanted],
  ['services[0].localPorts', '5000-6000', '"5000-6000"', portsWanted],

  ['services[0].toa', true, 'true', 'an object'],
  ['services[0].toa.kind', 254, '254', 'one of the keys on, format, cascade, prune'],
  ['services[0].toa.on', 'syn', '"syn"', 'a list of syn and ack'],
  ['services[0].toa.on[0]', 'fin', '"fin"', 'one of syn, ack'],
  ['services[0].toa.on', ['ack', 'ack'], '"ack"', 'another than services[0].toa.on[0] has'],
  ['services[0].toa.cascade', 'yes', '"yes"', 'true or false'],
  ['services[0].toa.prune', 'all', '"all"', 'one of protected, none, strip-all'],
  ['services[0].toa.format', 'toa-v5', '"toa-v5"', formatsWanted],
  ['services[0].toa.format', 'vip-253', '"vip-253"', formatsWanted],
  ['services[0].toa.format', 'vtoa-250', '"vtoa-250"', "a format that carries the client's address"],
  ['services[0].toa.format', 'vip-253-v4', '"vip-253-v4"', "a format that carries the client's address"],
  [
    'services[0].toa.format',
    'toa-v6',
    '"toa-v6"',
    "a format for IPv4, as the service's address is 203.0.113.10",
  ],
  [
    'services[1].toa.format',
    'toa-v4',
    '"toa-v4"',
    "a format for IPv6, as the service's address is 2001:db8::443",
  ],
  [
    'services[1].toa',
    { on: ['syn'], format: 'vtoa-249' },
    '"vtoa-249"',
    'a format of at most 36 bytes, as the SYN carries its MSS too; this one has 40',
  ],

  ['services[0].timeouts', 90, '90', 'an object'],
  ['services[0].timeouts.established', 0, '0', secondsWanted],
  ['services[0].timeouts.established', 86401, '86401', secondsWanted],
  ['services[0].timeouts.synSent', 1.5, '1.5', secondsWanted],
  ['services[0].timeouts.lastAck', null, 'null', secondsWanted],
  [
    'services[0].timeouts.tcp',
    5,
    '5',
    'one of the keys none, established, synSent, synReceived, finWait, timeWait, close, closeWait, lastAck, listen, synAck, udp',
  ],

  ['services[0].clientAddress', 'proxy-v1', '"proxy-v1"', 'one of toa, proxy-v2, none'],
  ['services[0].persistence', 300, '300', 'an object'],
  ['services[0].persistence.timeout', 0, '0', secondsWanted],
  ['services[0].persistence.mask', '255.255.255.0', '"255.255.255.0"', 'one of the keys timeout, prefix'],
  ['services[0].persistence.prefix', 0, '0', 'an integer from 1 to 128'],
  ['services[0].persistence.prefix', 33, '33', 'an integer from 1 to 32 for IPv4'],
  ['services[1].persistence.prefix', 129, '129', 'an integer from 1 to 128'],
  ['services[0].synProxy', 'on', '"on"', 'an object'],
  ['services[0].synProxy.mode', true, 'true', 'one of off, on, auto'],
  ['services[0].synProxy.mss', 63, '63', 'an integer from 64 to 65535'],
  ['services[0].synProxy.sack', 1, '1', 'true or false'],
  ['services[0].synProxy.windowScale', 15, '15', 'an integer from 0 to 14'],
  ['services[0].synProxy.timestamp', 'yes', '"yes"', 'true or false'],
  ['services[0].synProxy.ttl', 0, '0', 'an integer from 1 to 255'],
  ['services[0].synProxy.deferUntilData', 0, '0', 'true or false'],
  ['services[0].synProxy.badAck', 'ignore', '"ignore"', 'one of reset, drop'],
  ['services[0].synProxy.reuse', 'close', '"close"', 'a list of states'],
  [
    'services[0].synProxy.reuse[0]',
    'established',
    '"established"',
    'one of close, timeWait, finWait, closeWait, lastAck',
  ],
  ['services[0].synProxy.storedSegments', 64, '64', 'an integer from 0 to 63'],
  ['services[0].synProxy.ackStormThreshold', -1, '-1', 'an integer from 0 to 65535'],
  ['services[0].synProxy.synRetries', 100, '100', 'an integer from 0 to 99'],
  ['services[0].synProxy.halfOpenHigh', 0, '0', 'an integer from 1 to 4194304'],
  ['services[0].synProxy.halfOpenLow', 257, '257', 'at most services[0].synProxy.halfOpenHigh, 256'],
  ['services[0].limits.connectionsPerSecond', -1, '-1', rateWanted],
  ['services[0].limits.bytesPerSecond', 0.5, '0.5', rateWanted],
  ['services[0].limits.cps', 1, '1', 'one of the keys connectionsPerSecond, bytesPerSecond'],
  ['services[0].expireQuiescent', 'yes', '"yes"', 'true or false'],

  ['services[0].realServers', {}, 'an object', 'a list of real servers'],
  ['services[0].realServers[0].address', 'web1', '"web1"', addressWanted],
  ['services[0].realServers[0].port', 0, '0', portWanted],
  ['services[0].realServers[0].weight', -1, '-1', 'an integer from 0 to 65535'],
  ['services[0].realServers[0].weight', 65536, '65536', 'an integer from 0 to 65535'],
  ['services[0].realServers[0].weight', '1', '"1"', 'an integer from 0 to 65535'],
  ['services[0].realServers[0].upperThreshold', -1, '-1', thresholdWanted],
  ['services[0].realServers[0].lowerThreshold', 4294967296, '4294967296', thresholdWanted],
  [
    'services[0].realServers[0].lowerThreshold',
    1,
    '1',
    'at most services[0].realServers[0].upperThreshold, 0',
  ],
  [
    'services[0].realServers[0].name',
    'a',
    '"a"',
    'one of the keys address, port, weight, upperThreshold, lowerThreshold',
  ],
  [
    'services[0].realServers[1]',
    { address: '10.0.0.11', port: 8080 },
    '"10.0.0.11:8080"',
    'another than services[0].realServers[0] has',
  ],
  [
    'services[1].realServers[1]',
    { address: 'FD00::0:11', port: 8443 },
    '"[fd00::11]:8443"',
    'another than services[1].realServers[0] has',
  ],

  ['settings', [], '[]', 'an object'],
  ['settings.strayAck', 'forward', '"forward"', 'one of reset, drop'],
  ['settings.maxConnections', 0, '0', connectionsWanted],
  ['settings.maxConnections', 4194305, '4194305', connectionsWanted],
  ['settings.resetOnExpiry', 1, '1', 'true or false'],
  ['settings.profile', 'linux', '"linux"', 'one of kernel, alibaba, dpvs'],
  ['settings.expireWithoutServer', 0, '0', 'true or false'],
  ['settings.expireQuiescentTemplate', null, 'null', 'true or false'],
  ['settings.dropEntry', 1, '1', 'one of auto, always, never'],
  [
    'settings.timeouts',
    {},
    'an object',
    'one of the keys profile, strayAck, maxConnections, resetOnExpiry, expireWithoutServer, expireQuiescentTemplate, dropEntry',
  ],
];

/** Faults are told at the value, at the option inside of it that is wrong, or at a repeated item. */
function placeOf(path: string, value: unknown, wanted: string): string {
  if (wanted.startsWith('another than routes')) return `${path}.to`;
  if (wanted.startsWith('another than services[0].toa.on')) return `${path}[1]`;
  return path.endsWith('.toa') && typeof value === 'object' ? `${path}.format` : path;
}

for (const [path, value, given, wanted] of values) {
  test(`${path} may not be ${JSON.stringify(value)}`, () => {
    assert.deepEqual(faultsAfter({ [path]: value }), [[placeOf(path, value, wanted), given, wanted]]);
  });
}

const service = (address: string, localAddress: string, realServer: string) => ({
  ...{ address, port: 81, mode: 'fullnat', scheduler: 'rr' },
  ...{ localAddresses: [localAddress], realServers: [{ address: realServer, port: 8081 }] },
});

test('a route to a link whose own name is faulty is not blamed', () => {
  assert.deepEqual(
    faultsAfter({ 'links[1].name': '', 'routes[1].link': 'inside' }).map(([path]) => path),
    ['links[1].name'],
  );
  assert.deepEqual(
    faultsAfter({ links: [] }).map(([path]) => path),
    ['links'],
  );
});

test('two services may not have the same address and port', () => {
  const again = { ...service('2001:DB8:0::443', 'fd00::3', 'fd00::12'), port: 443 };
  assert.deepEqual(faultsAfter({ 'services[2]': again }), [
    ['services[2]', '"[2001:db8::443]:443"', 'another than services[1] has'],
  ]);
});

test('two services may not have the same name', () => {
  assert.deepEqual(faultsAfter({ 'services[0].name': 'web', 'services[1].name': 'web' }), [
    ['services[1].name', '"web"', 'another than services[0] has'],
  ]);
});

test('services may share an address, local addresses and real servers', () => {
  assert.deepEqual(faultsAfter({ 'services[2]': service('203.0.113.10', '10.0.0.2', '10.0.0.11') }), []);
});

test('IPv4 is not translated to IPv6', () => {
  assert.deepEqual(faultsAfter({ 'services[2]': service('203.0.113.11', 'fd00::2', 'fd00::11') }), [
    ['services[2].localAddresses[0]', '"fd00::2"', "an IPv4 address, as the service's is 203.0.113.11"],
    ['services[2].realServers[0].address', '"fd00::11"', "an IPv4 address, as the service's is 203.0.113.11"],
  ]);
});

test('a local address may not be the VIP of any service', () => {
  assert.deepEqual(faultsAfter({ 'services[2]': service('203.0.113.11', '203.0.113.10', '10.0.0.11') }), [
    [
      'services[2].localAddresses[0]',
      '"203.0.113.10"',
      'an address that is not a VIP, as services[0].address is',
    ],
  ]);
});

test('a local address may not be a real server of any service', () => {
  assert.deepEqual(faultsAfter({ 'services[2]': service('203.0.113.11', '10.0.0.11', '10.0.0.12') }), [
    [
      'services[2].localAddresses[0]',
      '"10.0.0.11"',
      "an address that is not a real server's, as services[0].realServers[0].address is",
    ],
  ]);
});

test('a real server may not be a VIP: the packets would come back to the balancer', () => {
  assert.deepEqual(faultsAfter({ 'services[2]': service('203.0.113.11', '10.0.0.2', '203.0.113.10') }), [
    [
      'services[2].realServers[0].address',
      '"203.0.113.10"',
      'an address that is not a VIP, as services[0].address is',
    ],
  ]);
});

test('there may be no more real servers than a connection can name', () => {
  const crowd = Array.from({ length: 65_535 }, (_, n) => ({
    address: `10.9.${n >> 8}.${n & 255}`,
    port: 80,
  }));
  const crowded = { ...service('203.0.113.11', '10.0.0.2', '10.0.0.11'), realServers: crowd };
  assert.deepEqual(faultsAfter({ 'services[2]': crowded }), [
    ['services', 'a list of 65537', 'at most 65536 real servers in all services together'],
  ]);
});

test('a format of 40 bytes has room on the handshake ACK', () => {
  assert.deepEqual(faultsAfter({ 'services[1].toa': { on: ['ack'], format: 'vtoa-249' } }), []);
});

test('a fault in one place does not hide one in another', () => {
  assert.deepEqual(
    faultsAfter({
      'services[0].port': 0,
      'services[0].realServers[0].weight': 'much',
      'services[0].localAddresses[1]': '10.0.0.11',
    }).map(([path]) => path),
    ['services[0].port', 'services[0].realServers[0].weight', 'services[0].localAddresses[1]'],
  );
});
