/** What the cases say in a line: options, and the kernel's record read back by a reader of its own. */
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { formatAddress, formatEndpoint, parseEndpoint } from '../../../lib/net/address.js';
import { encodeToa, type FormatId, formatById } from '../../../lib/toa/index.js';
import type { Guest } from '../guest/guest.js';

export const IPPROTO_IP = 0;
export const IPPROTO_TCP = 6;
export const IPPROTO_IPV6 = 41;
export const RECORD = { name: 4100, length: 72 } as const;

export const CLIENT4 = '203.0.113.7:51514';
export const CLIENT6 = '[2001:db8::7]:51514';

/** The option that carries `client`; in the default format of its family unless told otherwise. */
export function toa(client: string, format?: FormatId): Uint8Array {
  const endpoint = parseEndpoint(client)!;
  return encodeToa(formatById(format ?? (endpoint.family === 4 ? 'toa-v4' : 'toa-v6')), { client: endpoint });
}

/** `203.0.113.7:51514` as an AF_INET6 socket shows it. */
export const mapped = (endpoint: string) =>
  `[::ffff:${endpoint.slice(0, endpoint.lastIndexOf(':'))}]${endpoint.slice(endpoint.lastIndexOf(':'))}`;

export interface Record72 {
  readonly size: number;
  readonly version: number;
  readonly flags: number;
  readonly kind: number;
  readonly length: number;
  readonly client: string | undefined;
  readonly vip: string | undefined;
  readonly peer: string | undefined;
  readonly vpcId: number;
}

export const FOUND = { syn: 1, ack: 2, data: 4, vip: 8, nat64: 16 } as const;

/** TOA_SO_GET_RECORD of a socket, or the name of the error. */
export async function recordOf(guest: Guest, fd: number): Promise<Record72 | string> {
  const bytes = await guest.witness.option(fd, IPPROTO_IP, RECORD.name, RECORD.length);
  if (typeof bytes === 'string') return bytes;
  strictEqual(bytes.length, RECORD.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    size: view.getUint16(0, true),
    version: view.getUint16(2, true),
    flags: view.getUint16(4, true),
    kind: bytes[6]!,
    length: bytes[7]!,
    client: endpointAt(bytes, view, 8),
    vip: endpointAt(bytes, view, 28),
    peer: endpointAt(bytes, view, 48),
    vpcId: view.getUint32(68, true),
  };
}

function endpointAt(bytes: Uint8Array, view: DataView, at: number): string | undefined {
  const family = view.getUint16(at, true);
  if (family === 0) {
    deepStrictEqual([...bytes.subarray(at, at + 20)], Array(20).fill(0), 'no endpoint, but bytes in it');
    return undefined;
  }
  if (family === 2) deepStrictEqual([...bytes.subarray(at + 8, at + 20)], Array(12).fill(0), 'padding');
  return formatEndpoint(formatAddress(bytes, at + 4, family === 2 ? 4 : 6), view.getUint16(at + 2));
}
