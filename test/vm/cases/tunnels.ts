/**
 * TUN to a real server with the tunnels of Linux, set up as docs/configuration.md tells, word for word. It alone is a guest:
 * clients and balancer are in namespaces of this machine, which is quick, and may have no tunnels.
 */
import { Network } from '../../../cli/namespaces/network.js';
import { modeChecks, startMode } from '../../network/mode-checks.js';
import { within } from '../guest/guest.js';
import { guestAsServer } from '../guest/real-server.js';
import type { OutsideCase } from '../outside.js';

/** Seconds for each check. Far more than it takes: the machine may have much else to do. */
const PATIENCE = 120;

const ways = [
  { mode: 'tun', tunnels: ['IPv4 in IPv4', 'IPv6 in IPv6'] },
  { mode: 'tun-crossed', tunnels: ['IPv4 in IPv6', 'IPv6 in IPv4'] },
] as const;

export const tunnelCases: readonly OutsideCase[] = ways.map(({ mode, tunnels }) => ({
  name: `TUN to the tunnels of a real server, ${tunnels.join(' and ')}: as in every mode`,
  unless: ({ name }) => (name === '6.12' ? undefined : 'one kernel stands for all: it is about our balancer'),
  run: async (bootable) => {
    using network = new Network();
    const there = await startMode(network, mode, guestAsServer(bootable, tunnels));
    for (const { name, run } of modeChecks) await within(PATIENCE, name, run(there));
  },
}));
