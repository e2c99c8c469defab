/**
 * A cable from servers in the kernel to clients that the test plays itself:
 *
 *   toa-server 10.9.0.1, fd00:9::1  ──── veth ────  toa-wire, where no kernel answers
 *
 * Neither end resolves addresses: whatever the servers send, to whomever, comes out of the wire.
 */

import { Injector } from '../../support/injector.js';
import { runShell } from '../../support/run-shell.js';

export const SERVER = { 4: '10.9.0.1', 6: '[fd00:9::1]' } as const;

/** Where clients come from unless told otherwise, and so what the module is told to trust. */
export const BALANCERS = '10.9.1.0/24,fd00:9:1::/64';

/** Settings of a namespace in which servers live. */
const settings = `
  for where in all default; do
    echo 0 >/proc/sys/net/ipv4/conf/$where/rp_filter
    echo 0 >/proc/sys/net/ipv6/conf/$where/accept_dad
    echo 0 >/proc/sys/net/ipv6/conf/$where/router_solicitations
  done
  ip link set lo up`;

let laid = 0;

/** Lays a wire whose servers live in a namespace (where this process is, without one), and takes its other end. */
export function layWire(namespace?: string): Injector {
  const number = laid++;
  const device = `toa-wire${number}`;
  const server = `toa-server${number}`;
  const mac = (end: 1 | 2) => `02:00:00:00:${number.toString(16).padStart(2, '0')}:0${end}`;
  const script = `${settings}
    ip link set ${server} address ${mac(1)} up
    ip address add 10.9.0.1/24 dev ${server}
    ip address add fd00:9::1/64 dev ${server} nodad
    ip route add default dev ${server}
    ip -6 route add default dev ${server}`;
  runShell(`
    ip link add ${server} arp off type veth peer name ${device} arp off
    ip link set ${device} address ${mac(2)} up
    ${namespace === undefined ? '' : `ip link set ${server} netns ${namespace}`}`);
  if (namespace === undefined) runShell(script);
  else runShell(`ip netns exec ${namespace} sh -ec '${script}'`);
  return new Injector({ device, mac: mac(2), peerMac: mac(1) });
}
