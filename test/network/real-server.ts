/** The real server of lan.ts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Network } from '../../cli/namespaces/network.js';
import { packageRoot } from '../../lib/native.js';
import { isTunnel, type Lan, type LanMode, lanFamilies, plugIn } from './lan.js';
import { locals, startServer } from './testbed.js';

const TUNNEL_END = join(packageRoot, 'test/network/programs/tunnel-end.py');

export const PORT = 80;
/** The server's own firewall refuses this one. */
export const REFUSED_PORT = 81;

/** Starts a real server of the mode on the wire; resolves when it listens. */
export type ServerStarter = (network: Network, lan: Lan, mode: LanMode) => Promise<unknown>;

/** The real server as a namespace, where it may have to do with a kernel without tunnels. */
export const startServerInNamespace: ServerStarter = async (network, { wire }, mode) => {
  const server = network.namespace('server');
  plugIn(network, wire, { namespace: server, device: 'eth0' });
  // A tunnel's real server has the VIP as DR's has it; the end of the tunnels is a program.
  const manual = mode === 'nat' ? '' : manualCommands('DR');
  server.execute('sh', '-ec', settleServer(mode) + manual);
  if (isTunnel(mode)) await server.start('python3', [TUNNEL_END]).line(/^ready/);
  await startServer(server, 'http', PORT, locals);
};

/** Commands that give eth0 its addresses and the way to the clients, and refuse REFUSED_PORT. */
export function settleServer(mode: LanMode): string {
  const ways = lanFamilies.map(({ family, server, prefix, everything, router, own }) => {
    // NAT: the way back is the balancer.
    const gateway = mode === 'nat' ? own : router;
    return `ip address add ${server}/${prefix} dev eth0 ${family === 6 ? 'nodad' : ''}
ip -${family} route add ${everything} via ${gateway}
`;
  });
  return `${ways.join('')}nft -f - <<'end'
table inet firewall {
  chain input {
    type filter hook input priority filter
    tcp dport ${REFUSED_PORT} reject with icmpx type admin-prohibited
  }
}
end
`;
}

/** The VIPs that the manual has in its commands. */
const MANUAL_VIPS = { 4: '203.0.113.10', 6: '2001:db8::80' } as const;

/** What docs/configuration.md tells users to do on a real server, under one of its headings, with the VIPs of this network. */
export function manualCommands(heading: string): string {
  const text = readFileSync(join(packageRoot, 'docs/configuration.md'), 'utf8');
  const [, part] = text.split(new RegExp(`^###+ ${heading}$`, 'm'));
  if (part === undefined) throw new Error(`docs/configuration.md has no heading ${heading}`);
  const commands = [...part.split(/^#/m)[0]!.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, lines]) => lines!);
  if (commands.length === 0) throw new Error(`docs/configuration.md has no commands under ${heading}`);
  return lanFamilies.reduce(
    (all, { family, vip }) => all.replaceAll(MANUAL_VIPS[family], vip),
    commands.join(''),
  );
}
