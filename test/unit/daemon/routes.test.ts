import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteConfig } from '../../../lib/balancer/config/index.js';
import { convertRoutes, type KernelRoute, mergeRoutes } from '../../../lib/daemon/routes.js';

const links = [{ name: 'outside', interface: 'eth0' }, { name: 'eth1' }];

// Entries as iproute2 6.1 prints them, the fields that do not matter left out.
const rows: { what: string; family: 4 | 6; kernel: KernelRoute[]; routes: RouteConfig[] }[] = [
  {
    what: 'a route over a gateway keeps gateway and MTU, not the host address it prefers',
    family: 4,
    kernel: [
      { dst: '10.1.0.0/16', gateway: '10.0.0.2', dev: 'eth0', prefsrc: '10.0.0.1', metrics: [{ mtu: 1400 }] },
    ],
    routes: [{ to: '10.1.0.0/16', link: 'outside', via: '10.0.0.2', mtu: 1400 }],
  },
  {
    what: 'a default route has a prefix of no length',
    family: 4,
    kernel: [{ dst: 'default', gateway: '10.0.0.2', dev: 'eth1' }],
    routes: [{ to: '0.0.0.0/0', link: 'eth1', via: '10.0.0.2' }],
  },
  {
    what: 'an IPv6 default route keeps its link-local gateway',
    family: 6,
    kernel: [{ dst: 'default', gateway: 'fe80::1', dev: 'eth0', metric: 1024 }],
    routes: [{ to: '::/0', link: 'outside', via: 'fe80::1' }],
  },
  {
    what: 'a single host gets the full prefix length',
    family: 6,
    kernel: [{ dst: '2001:db8::7', dev: 'eth0' }],
    routes: [{ to: '2001:db8::7/128', link: 'outside' }],
  },
  {
    what: 'of several next hops the first that works is taken',
    family: 4,
    kernel: [
      {
        dst: 'default',
        nexthops: [
          { gateway: '10.0.0.3', dev: 'wlan0' },
          { gateway: '10.0.0.4', dev: 'eth0', flags: ['dead', 'linkdown'] },
          { gateway: '10.0.0.5', dev: 'eth0', flags: [] },
        ],
      },
    ],
    routes: [{ to: '0.0.0.0/0', link: 'outside', via: '10.0.0.5' }],
  },
  {
    what: 'of several routes to one destination the lowest metric wins',
    family: 4,
    kernel: [
      { dst: '10.0.0.0/8', dev: 'eth0', metric: 200 },
      { dst: '10.0.0.0/8', dev: 'eth1', metric: 100 },
    ],
    routes: [{ to: '10.0.0.0/8', link: 'eth1' }],
  },
  {
    what: 'routes over other interfaces, blackholes, foreign next hops and link-local prefixes are left out',
    family: 6,
    kernel: [
      { dst: '2001:db8::/64', dev: 'wlan0' },
      { dst: '2001:db8:1::/64', type: 'blackhole', dev: 'eth0' },
      { dst: '2001:db8:2::/64', dev: 'eth0', via: { family: 'inet', host: '10.0.0.1' } },
      { dst: 'fe80::/64', dev: 'eth0' },
    ],
    routes: [],
  },
];

for (const { what, family, kernel, routes } of rows) {
  test(`imported from the kernel, ${what}`, () => {
    assert.deepEqual(convertRoutes(kernel, family, links), routes);
  });
}

test('a configured route counts more than an imported one to the same destination, however it is written', () => {
  const configured = [{ to: '2001:DB8:0::/32', link: 'eth1' }];
  const imported = [
    { to: '2001:db8::/32', link: 'outside' },
    { to: '10.0.0.0/8', link: 'outside' },
  ];
  assert.deepEqual(mergeRoutes(configured, imported), [configured[0], imported[1]]);
});
