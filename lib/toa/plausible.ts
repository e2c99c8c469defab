import type { Endpoint } from '../net/address.js';

/**
 * Whether a client can be there at all: no unspecified, loopback, multicast or broadcast address, and no port 0 where the
 * option carries a port. Programs log, compare and call back what they are told, and many open more doors to 127.0.0.1
 * than to others. The address is canonical text, IPv4-mapped ones written as IPv4.
 */
export function isPlausibleClient(client: Endpoint, carriesPort: boolean): boolean {
  return (client.port > 0 || !carriesPort) && isUnicast(client);
}

function isUnicast({ address, family }: Endpoint): boolean {
  if (family === 6) {
    return address !== '::' && address !== '::1' && !(address.startsWith('ff') && address.indexOf(':') === 4);
  }
  // 0.0.0.0/8 is "this network", 127.0.0.0/8 never leaves a host (RFC 1122, 3.2.1.3); from 224 on come multicast,
  // reserved and broadcast.
  const firstOctet = Number.parseInt(address, 10);
  return firstOctet > 0 && firstOctet !== 127 && firstOctet < 224;
}
