import { ToaError } from '../errors.js';
import { type Endpoint, parseAddress } from '../net/address.js';
import type { ToaRecord } from './record.js';
import type { FieldAt, ToaFormat } from './registry.js';

/**
 * Writes the option, `format.length` bytes. What the format has no room for is left out; `vpcId` defaults to 0.
 * Throws ERR_TOA_ENCODE where the client or VIP that the format carries is missing, of the other family, or out of range.
 */
export function encodeToa(format: ToaFormat, record: Omit<ToaRecord, 'format'>): Uint8Array {
  const bytes = new Uint8Array(format.length);
  bytes[0] = format.kind;
  bytes[1] = format.length;
  if (format.version) bytes[format.version.offset] = format.version.value;
  if (format.client) writeEndpoint(bytes, format, 'client', format.client, record.client);
  if (format.vip) writeEndpoint(bytes, format, 'vip', format.vip, record.vip);
  if (format.vpc) writeNumber(bytes, format, 'vpcId', format.vpc.offset, format.vpc.bytes, record.vpcId ?? 0);
  return bytes;
}

function writeEndpoint(
  bytes: Uint8Array,
  format: ToaFormat,
  name: 'client' | 'vip',
  at: FieldAt,
  endpoint: Endpoint | undefined,
): void {
  const address = endpoint && parseAddress(endpoint.address);
  if (address?.family !== at.family)
    throw refusal(format, `${name}.address`, endpoint?.address, `an IPv${at.family} address`);
  bytes.set(address.bytes, at.address);
  if (at.port !== undefined) writeNumber(bytes, format, `${name}.port`, at.port, 2, endpoint!.port);
}

function writeNumber(
  bytes: Uint8Array,
  format: ToaFormat,
  name: string,
  offset: number,
  length: number,
  value: number,
): void {
  const highest = 256 ** length - 1;
  if (!Number.isInteger(value) || value < 0 || value > highest) {
    throw refusal(format, name, value, `an integer from 0 to ${highest}`);
  }
  for (let rest = value, i = length - 1; i >= 0; i--) {
    bytes[offset + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

function refusal(format: ToaFormat, name: string, given: unknown, wanted: string): ToaError {
  return new ToaError('ERR_TOA_ENCODE', `${format.id}: ${name} is ${String(given)}, wanted ${wanted}`);
}
