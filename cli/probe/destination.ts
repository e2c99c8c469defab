import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { ToaError } from '../../lib/errors.js';
import { type Endpoint, formatAddress, parseAddress } from '../../lib/net/address.js';
import { compileTrust } from '../../lib/receiver/trust.js';

const HOST_PORT = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/;

/**
 * Where `HOST:PORT` leads: an address, `[2001:db8::1]:80`, or a name, whose first address counts.
 * @throws ToaError ERR_TOA_USAGE where it is not understood, ERR_TOA_UNREACHABLE where the name has no address
 */
export async function findDestination(text: string): Promise<Endpoint> {
  const [, ipv6, name, digits] = HOST_PORT.exec(text) ?? [];
  const host = ipv6 ?? name;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65535) {
    throw new ToaError(
      'ERR_TOA_USAGE',
      `destination: given "${text}", wanted HOST:PORT, as 10.0.0.2:8080, [fd00::2]:8080 or web1:80`,
    );
  }
  const address = parseAddress(host) ?? parseAddress(await addressOf(host));
  if (!address) throw noAddress(host);
  return { address: formatAddress(address.bytes, 0, address.family), port, family: address.family };
}

async function addressOf(name: string): Promise<string> {
  try {
    return (await lookup(name)).address;
  } catch (cause) {
    throw noAddress(name, cause);
  }
}

function noAddress(name: string, cause?: unknown): ToaError {
  return new ToaError('ERR_TOA_UNREACHABLE', `the name ${name} has no address`, {
    cause,
    hint: 'give an address instead',
  });
}

/**
 * Keeps forged addresses away from other people's servers.
 * @throws ToaError ERR_TOA_NOT_YOURS where the destination is in no private network and not this host
 */
export function refuseStrangers({ address, port, family }: Endpoint): void {
  const isPrivate = compileTrust('private')({ address, port, family });
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  if (isPrivate || own.some((each) => each.address === address)) return;
  throw new ToaError(
    'ERR_TOA_NOT_YOURS',
    `${address} is a public address, and a probe tells it a forged one of a client`,
    { hint: 'if the server is yours, say --yes-i-own-this-server' },
  );
}
