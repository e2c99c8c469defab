import { type Endpoint, formatAddress, plainEndpoint } from '../net/address.js';
import { acceptFormats, isPlausibleClient } from '../toa/index.js';
import type { Finding } from './source.js';

/** Bytes of `struct toa_record` of kernel-module/uapi/toa.h, which this file reads. */
export const RECORD_LENGTH = 72;

const SIZE = 0;
const VERSION = 2;
const KIND = 6;
const LENGTH = 7;
const CLIENT = 8;
const VIP = 28;
const PEER = 48;

const AF_INET = 2;
const AF_INET6 = 10;

const knownFormats = acceptFormats('all');

/** Reads the record that the kernel has filled in; undefined where it is of another version or names no peer. */
export function readKernelRecord(record: Uint8Array): Finding | undefined {
  if (record.length < RECORD_LENGTH || hostUint16(record, VERSION) !== 1) return undefined;
  if (hostUint16(record, SIZE) < RECORD_LENGTH) return undefined;
  const peer = readEndpoint(record, PEER);
  if (!peer) return undefined;
  const client = readEndpoint(record, CLIENT);
  const carriesPort = knownFormats.match(record[KIND]!, record[LENGTH]!)?.client?.port !== undefined;
  return {
    via: 'module',
    peer,
    client,
    vip: readEndpoint(record, VIP),
    malformed: client !== undefined && !isPlausibleClient(client, carriesPort),
    duplicates: 0, // the record tells of the first only
  };
}

function readEndpoint(record: Uint8Array, offset: number): Endpoint | undefined {
  const family = hostUint16(record, offset);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const port = (record[offset + 2]! << 8) | record[offset + 3]!;
  return plainEndpoint(formatAddress(record, offset + 4, family === AF_INET ? 4 : 6), port);
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function hostUint16(bytes: Uint8Array, offset: number): number {
  const low = bytes[isLittleEndian ? offset : offset + 1]!;
  const high = bytes[isLittleEndian ? offset + 1 : offset]!;
  return (high << 8) | low;
}
