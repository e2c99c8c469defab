import { type Endpoint, formatAddress } from '../net/address.js';
import type { ToaRecord } from './record.js';
import type { FieldAt, ToaFormat } from './registry.js';

/**
 * Reads the option that starts at `offset`. Undefined where it is not of this format: another kind, length or
 * version, or the bytes end before it does. Never throws.
 */
export function decodeToa(format: ToaFormat, bytes: Uint8Array, offset = 0): ToaRecord | undefined {
  if (!(offset >= 0 && offset + format.length <= bytes.length)) return undefined;
  if (bytes[offset] !== format.kind || bytes[offset + 1] !== format.length) return undefined;
  if (format.version && bytes[offset + format.version.offset] !== format.version.value) return undefined;
  return {
    format: format.id,
    ...(format.client && { client: readEndpoint(bytes, offset, format.client) }),
    ...(format.vip && { vip: readEndpoint(bytes, offset, format.vip) }),
    ...(format.vpc && { vpcId: readNumber(bytes, offset + format.vpc.offset, format.vpc.bytes) }),
  };
}

function readEndpoint(bytes: Uint8Array, option: number, { port, address, family }: FieldAt): Endpoint {
  return {
    address: formatAddress(bytes, option + address, family),
    port: port === undefined ? 0 : readNumber(bytes, option + port, 2),
    family,
  };
}

function readNumber(bytes: Uint8Array, offset: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + bytes[offset + i]!;
  return value;
}
