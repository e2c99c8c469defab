// NAT and DR with real clients and servers. TUN wants ends of tunnels that not every kernel has: test/vm/cases/modes.ts.

import { modeChecks, startMode } from './mode-checks.js';
import { networkTest } from './network-test.js';

for (const mode of ['nat', 'dr'] as const) {
  for (const { name, run } of modeChecks) {
    networkTest(`${mode.toUpperCase()}: ${name}`, async (network) => run(await startMode(network, mode)));
  }
}
