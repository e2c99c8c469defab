import { type Endpoint, formatEndpoint, parseEndpoint } from '../../lib/net/address.js';
import type { ConnectionReport, Reason } from '../serve/report.js';

/** What came back from the server. */
export interface Answer {
  readonly bytes: number;
  /** Of HTTP; null where the answer is something else. */
  readonly status: number | null;
  /** The first line, and what follows the header in HTTP, else all: without control characters, and cut short. */
  readonly firstLine: string;
  readonly text: string;
}

const LONGEST_TEXT = 2000;
const LONGEST_LINE = 200;

/** Takes an answer apart. It may come from anybody, and is shown on terminals. */
export function readAnswer(bytes: Uint8Array): Answer {
  const whole = Buffer.from(bytes).toString('utf8');
  const status = /^HTTP\/1\.[01] (\d{3})\b/.exec(whole)?.[1];
  const headerEnd = whole.indexOf('\r\n\r\n');
  const text = status === undefined || headerEnd < 0 ? whole : whole.slice(headerEnd + 4);
  return {
    bytes: bytes.length,
    status: status === undefined ? null : Number(status),
    firstLine: harmless(whole.split(/\r?\n/, 1)[0] ?? '').slice(0, LONGEST_LINE),
    text: harmless(text.slice(0, LONGEST_TEXT)),
  };
}

/** Line ends stay; other control characters could write anything onto a terminal. */
const harmless = (text: string) => text.replace(/[^\P{C}\n]/gu, '');

const reasons: readonly Reason[] = ['recovered', 'missing', 'noSyn', 'malformed', 'untrusted', 'direct'];

/** The part of a report that a probe judges by. */
export type ServerReport = Pick<ConnectionReport, 'reason' | 'client' | 'via' | 'peer' | 'vip' | 'module'>;

/** What `toa serve` says of our connection; undefined where somebody else answered. */
export function serverReport({ text }: Answer): ServerReport | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { schema, reason, client, via, peer, vip, module } = value as Record<string, unknown>;
  const known = reasons.find((each) => each === reason);
  const [ofClient, ofPeer] = [endpoint(client), endpoint(peer)];
  if (schema !== 'serve/1' || !known || !ofClient || !ofPeer) return undefined;
  return {
    reason: known,
    client: ofClient,
    via: via === 'module' || via === 'saved-syn' ? via : null,
    peer: ofPeer,
    vip: endpoint(vip) ?? null,
    module: module === true,
  };
}

/** An endpoint in JSON from somewhere; undefined where it is none. */
function endpoint(value: unknown): Endpoint | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { address, port } = value as Record<string, unknown>;
  if (typeof address !== 'string' || typeof port !== 'number') return undefined;
  return parseEndpoint(formatEndpoint(address, port));
}
