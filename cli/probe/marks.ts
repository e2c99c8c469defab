import { InvalidArgumentError } from 'commander';
import { ToaError } from '../../lib/errors.js';
import type { Endpoint } from '../../lib/net/address.js';
import type { Carrier } from '../../lib/probe/index.js';
import { encodeToa, formatById, formats, type ToaFormat, type ToaRecord } from '../../lib/toa/index.js';

const carriers: readonly Carrier[] = ['syn', 'ack', 'data'];

/** Reads `syn,ack`: the segments that carry the option. */
export function carrierList(text: string): Carrier[] {
  const named = text.split(',');
  const unknown = named.find((name) => !carriers.some((carrier) => carrier === name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`wanted ${carriers.join(', ')}, with commas between.`);
  return carriers.filter((carrier) => named.includes(carrier));
}

/** The option that a probe sends: the format that was asked for, or the default one of the client's family, and what it says. */
export interface Mark {
  readonly format: ToaFormat;
  /** What the format has room for. */
  readonly record: Omit<ToaRecord, 'format'>;
  readonly bytes: Uint8Array;
}

/**
 * @param vip what the client is to have called; formats with a VIP tell it
 * @throws ToaError ERR_TOA_FORMAT, ERR_TOA_ENCODE where the client or the VIP does not fit the format
 */
export function markFor(client: Endpoint, vip: Endpoint, id: string | undefined): Mark {
  const format = formatById(id ?? (client.family === 4 ? 'toa-v4' : 'toa-v6'));
  if (!format) {
    throw new ToaError(
      'ERR_TOA_FORMAT',
      `format: given "${id}", wanted one of ${formats.map((known) => known.id).join(', ')}`,
    );
  }
  const record = { ...(format.client && { client }), ...(format.vip && { vip }) };
  return { format, record, bytes: encodeToa(format, record) };
}
