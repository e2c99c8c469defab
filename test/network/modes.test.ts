// NAT, DR and TUN with real clients and servers, in the network of lan.ts.

import { requireTun } from '../support/require.js';
import { modeChecks, startMode } from './mode-checks.js';
import { networkTest } from './network-test.js';

const modes = {
  nat: 'NAT',
  dr: 'DR',
  tun: 'TUN, IPv4 in IPv4 and IPv6 in IPv6',
  'tun-crossed': 'TUN, IPv4 in IPv6 and IPv6 in IPv4',
} as const;

for (const mode of ['nat', 'dr', 'tun', 'tun-crossed'] as const) {
  for (const { name, run } of modeChecks) {
    networkTest(`${modes[mode]}: ${name}`, async (network, t) => {
      if (mode.startsWith('tun') && !requireTun(t)) return;
      await run(await startMode(network, mode));
    });
  }
}
