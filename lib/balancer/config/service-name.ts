import type { Protocol } from './model.js';

/** `203.0.113.10:80`, `[2001:db8::/64]:8000-8010`. */
export function formatTarget(address: string, port: number | string): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** What a service is called that has no name: its first address and port. */
export function defaultName(protocol: Protocol, address: string, port: number | string): string {
  const target = formatTarget(address, port);
  return protocol === 'tcp' ? target : `${target}/${protocol}`;
}
