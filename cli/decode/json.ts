import type { DecodedHeader } from './header.js';

/** Where in a capture a header was. */
export interface PacketPlace {
  /** Counted from 1, as tshark does. */
  readonly packet: number;
  /** UTC, ISO 8601. */
  readonly time: string;
}

/** A header as `toa decode --json` tells it (schemas/decode.json). */
export function headerJson(header: DecodedHeader, place?: PacketPlace): object {
  const { form, ports, source, destination, flags, options, reading } = header;
  const { client, refusal, record, oddities } = reading;
  return {
    packet: place?.packet ?? null,
    time: place?.time ?? null,
    form,
    ports: ports ?? null,
    source: source ?? null,
    destination: destination ?? null,
    flags,
    options: options.map(({ kind, format, ...option }) => ({
      kind: kind ?? null,
      format: format ?? null,
      ...option,
    })),
    client: client ?? null,
    vip: record?.vip ?? null,
    vpcId: record?.vpcId ?? null,
    format: record?.format ?? null,
    refusal: refusal ?? null,
    odd: oddities,
  };
}
