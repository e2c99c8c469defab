import { readFileSync } from 'node:fs';
import { type ParsedCidr, parseCidr } from '../net/address.js';
import { runCommand } from './command.js';

/**
 * What the host itself would do with frames for these addresses and CIDRs if nothing shields it from them: answer, because it
 * owns an address, or forward. One sentence each; none if it would leave them alone.
 */
export function hostConflicts(interfaces: readonly string[], addresses: readonly string[]): string[] {
  const local = ['-4', '-6'].flatMap((family) => localDestinations(family));
  const owned = new Set(
    addresses.flatMap((address) => local.flatMap((destination) => innerOf(destination, address) ?? [])),
  );
  const families = new Set(addresses.map((address) => (address.includes(':') ? 'ipv6' : 'ipv4')));
  const forwarding = [...families].flatMap((family) =>
    // IPv6 looks at the setting of all interfaces, IPv4 at that of the interface the packet came in by.
    (family === 'ipv6' ? ['all'] : interfaces)
      .map((device) => `net/${family}/conf/${device}/forwarding`)
      .filter(isOn),
  );
  return [
    ...[...owned].map((address) => `the host owns ${address} and would answer for it`),
    ...forwarding.map((setting) => `the host forwards packets (${setting.replaceAll('/', '.')} is 1)`),
  ];
}

/** Destinations in the kernel's local table: addresses of interfaces, and whole prefixes where somebody set them. */
function localDestinations(family: string): string[] {
  const output = runCommand('ip', ['-j', family, 'route', 'show', 'table', 'local', 'type', 'local']);
  return (JSON.parse(output || '[]') as { dst: string }[]).map(({ dst }) => dst);
}

/** Of two addresses or CIDRs that have addresses in common, the one that lies within the other. */
function innerOf(a: string, b: string): string | undefined {
  const [first, second] = [parseCidr(a), parseCidr(b)];
  if (first === undefined || second === undefined || first.family !== second.family) return undefined;
  const prefix = Math.min(first.prefix, second.prefix);
  if (leadingBits(first, prefix) !== leadingBits(second, prefix)) return undefined;
  return first.prefix > second.prefix ? a : b;
}

function leadingBits({ bytes }: ParsedCidr, prefix: number): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0'));
  return bits.join('').slice(0, prefix);
}

function isOn(setting: string): boolean {
  try {
    return readFileSync(`/proc/sys/${setting}`, 'utf8').trim() !== '0';
  } catch {
    // No such family in this kernel: then it forwards none of it.
    return false;
  }
}
