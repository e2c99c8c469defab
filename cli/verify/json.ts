import { isoTime } from '../capture/time.js';
import type { VerifiedConnection } from './live.js';
import type { VerifiedRequest } from './request.js';
import type { Verdict } from './verdict.js';

/** A connection as `toa verify --json` tells it (schemas/verify.json). */
export function connectionJson({ wire, owner, verdict }: VerifiedConnection): object {
  const { time, peer, server, client, format, carriedBy, trusted, oddities } = wire;
  return {
    event: 'connection',
    time: isoTime(time),
    peer,
    server,
    wire: {
      client: client ?? null,
      format: client ? format : null,
      on: carriedBy,
      trusted: trusted ?? null,
      odd: oddities,
    },
    owner: owner ? { client: owner.client ?? null, via: owner.via } : null,
    ...verdictJson(verdict),
  };
}

/** A request of our own. */
export function requestJson({ url, client, server, verdict }: VerifiedRequest): object {
  return { event: 'request', url, client: client ?? null, server: server ?? null, ...verdictJson(verdict) };
}

function verdictJson({ verdict, reason, remedy }: Verdict): object {
  return { verdict, reason, remedy: remedy ?? null };
}
