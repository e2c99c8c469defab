import { readFileSync } from 'node:fs';
import { type ParsedAddress, parseAddress, parseCidr } from '../net/address.js';
import { runCommand } from './command.js';

/**
 * What the host itself would do with frames for these addresses if nothing shields it from them: answer, because it
 * owns an address, or forward. One sentence each; none if it would leave them alone.
 */
export function hostConflicts(interfaces: readonly string[], addresses: readonly string[]): string[] {
  const local = ['-4', '-6'].flatMap((family) => localDestinations(family));
  const owned = addresses.filter((address) => isAmong(address, local));
  const families = new Set(addresses.map((address) => (address.includes(':') ? 'ipv6' : 'ipv4')));
  const forwarding = [...families].flatMap((family) =>
    // IPv6 looks at the setting of all interfaces, IPv4 at that of the interface the packet came in by.
    (family === 'ipv6' ? ['all'] : interfaces)
      .map((device) => `net/${family}/conf/${device}/forwarding`)
      .filter(isOn),
  );
  return [
    ...owned.map((address) => `the host owns ${address} and would answer for it`),
    ...forwarding.map((setting) => `the host forwards packets (${setting.replaceAll('/', '.')} is 1)`),
  ];
}

/** Destinations in the kernel's local table: addresses of interfaces, and whole prefixes where somebody set them. */
function localDestinations(family: string): string[] {
  const output = runCommand('ip', ['-j', family, 'route', 'show', 'table', 'local', 'type', 'local']);
  return (JSON.parse(output || '[]') as { dst: string }[]).map(({ dst }) => dst);
}

function isAmong(address: string, destinations: readonly string[]): boolean {
  const parsed = parseAddress(address);
  return parsed !== undefined && destinations.some((destination) => contains(destination, parsed));
}

function contains(destination: string, { family, bytes }: ParsedAddress): boolean {
  const cidr = parseCidr(
    destination.includes('/') ? destination : `${destination}/${family === 4 ? 32 : 128}`,
  );
  if (cidr === undefined || cidr.family !== family) return false;
  return bytes.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, cidr.prefix - index * 8));
    return ((byte ^ (cidr.bytes[index] ?? 0)) & (0xff00 >> bits) & 0xff) === 0;
  });
}

function isOn(setting: string): boolean {
  try {
    return readFileSync(`/proc/sys/${setting}`, 'utf8').trim() !== '0';
  } catch {
    // No such family in this kernel: then it forwards none of it.
    return false;
  }
}
