/**
 * A network of the test's own, in which the test process itself lives:
 *
 *   toa-server 10.9.0.1, fd00:9::1  ──── veth ────  toa-wire, where no kernel answers
 *
 * Every other address is behind the wire, which an Injector holds in its hands. It ends with the process.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { runAgain } from '../../cli/namespaces/enter.js';
import { waitUntilUp } from '../../cli/namespaces/link-up.js';
import { namespaceSupport } from '../../cli/namespaces/support.js';

export const WIRE = 'toa-wire';
export const SERVER = { ipv4: '10.9.0.1', ipv6: 'fd00:9::1' } as const;

const marker = 'TOA_INSIDE_PRIVATE_NETWORK';

/**
 * Runs this test file again inside a new network namespace and ends with its status; there, builds the network (the one
 * above, unless told otherwise) and returns. Returns at once where namespaces are not permitted: requireNamespaces(t) tells each test.
 */
export async function enterPrivateNetwork(build: () => void = layWire): Promise<void> {
  const support = namespaceSupport();
  if (process.env[marker]) return build();
  if (!support.supported) return;
  const flags = support.where === 'here' ? '-n' : '-Urn';
  process.exit(await runAgain(['unshare', flags], { [marker]: '1' }));
}

/** Neither end resolves addresses: what the server sends goes onto the wire, whomever it is for. */
function layWire(): void {
  const settings = {
    'ipv4/conf/all/rp_filter': 0,
    'ipv4/conf/default/rp_filter': 0,
    'ipv6/conf/all/disable_ipv6': 0,
    'ipv6/conf/default/disable_ipv6': 0,
    'ipv6/conf/default/accept_dad': 0,
    'ipv6/conf/default/router_solicitations': 0,
  };
  for (const [path, value] of Object.entries(settings)) writeFileSync(`/proc/sys/net/${path}`, `${value}`);
  for (const line of [
    'link set lo up',
    `link add toa-server arp off type veth peer name ${WIRE} arp off`,
    'link set toa-server address 02:00:00:00:00:01 up',
    `link set ${WIRE} address 02:00:00:00:00:02 up`,
    `address add ${SERVER.ipv4}/24 dev toa-server`,
    `address add ${SERVER.ipv6}/64 dev toa-server nodad`,
    'route add default dev toa-server',
    '-6 route add default dev toa-server',
  ]) {
    execFileSync('ip', line.split(' '), { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  for (const device of ['toa-server', WIRE]) waitUntilUp(device);
}
