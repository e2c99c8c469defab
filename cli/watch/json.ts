import type { ObservedConnection, ObserverStatistics, Reading } from '../../lib/capture/index.js';
import { isoTime } from '../capture/time.js';

/** A connection as `toa watch --json` tells it (schemas/watch.json). */
export function connectionJson(connection: ObservedConnection): object {
  const {
    time,
    peer,
    server,
    outcome,
    complete,
    client,
    vip,
    format,
    carriedBy,
    trusted,
    oddities,
    readings,
  } = connection;
  return {
    event: 'connection',
    time: isoTime(time),
    peer,
    server,
    outcome,
    complete,
    client: client ?? null,
    vip: vip ?? null,
    format: client ? format : null,
    on: carriedBy,
    trusted: trusted ?? null,
    odd: oddities,
    segments: Object.fromEntries(
      Object.entries(readings).map(([role, reading]) => [role, readingJson(reading)]),
    ),
  };
}

function readingJson({ client, refusal, record, kind, length, oddities }: Reading): object {
  return {
    client: client ?? null,
    format: record?.format ?? null,
    refusal: refusal ?? null,
    kind,
    length,
    odd: oddities,
  };
}

/** The last event. `dropped` is undefined where there was no kernel to drop any. */
export function summaryJson(statistics: ObserverStatistics, dropped: number | undefined): object {
  return { event: 'summary', ...statistics, dropped: dropped ?? null };
}
