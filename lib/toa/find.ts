import { decodeToa } from './decode.js';
import type { FormatSet } from './format-set.js';
import type { ToaRecord } from './record.js';

/**
 * Why there is no record:
 * - `none`: the options are sound and none is of an accepted kind;
 * - `truncated-header`: fewer than the 20 bytes of a TCP header;
 * - `bad-data-offset`: the header says that it is shorter than 20 bytes;
 * - `bad-length`: an option's length byte is 0 or 1;
 * - `truncated-option`: an option goes on beyond the header, or beyond the bytes given;
 * - `wrong-length`: an accepted kind, and a length that no accepted format has;
 * - `wrong-version`: an accepted kind and length, and another version byte.
 * Of several the first is told.
 */
export type ToaRefusal =
  | 'none'
  | 'truncated-header'
  | 'bad-data-offset'
  | 'bad-length'
  | 'truncated-option'
  | 'wrong-length'
  | 'wrong-version';

/** The option that was found or refused: `offset` from the header's first byte. All three are 0 where there is no option to name. */
interface OptionAt {
  readonly kind: number;
  readonly length: number;
  readonly offset: number;
}

export interface ToaFound extends OptionAt {
  readonly record: ToaRecord;
  /** Further valid options behind the first. They change nothing. */
  readonly duplicates: number;
  readonly refusal?: never;
}

export interface ToaNotFound extends OptionAt {
  readonly record?: never;
  readonly duplicates: 0;
  readonly refusal: ToaRefusal;
}

export type ToaFinding = ToaFound | ToaNotFound;

const MINIMAL_HEADER = 20;
const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;

/**
 * Looks for an accepted option in a TCP header, given from the source port on; bytes behind the header are not read.
 * The bytes may be anything: never throws, and stops at the first option whose length cannot be right.
 * The first valid option wins; one that completes it, directly behind, adds its VIP.
 */
export function findToa(tcpHeader: Uint8Array, accepted: FormatSet): ToaFinding {
  if (tcpHeader.length < MINIMAL_HEADER) return refused('truncated-header');
  const headerLength = (tcpHeader[12]! >> 4) * 4;
  if (headerLength < MINIMAL_HEADER) return refused('bad-data-offset');
  const end = Math.min(headerLength, tcpHeader.length);

  let found: ToaFound | undefined;
  let refusal: ToaNotFound | undefined;
  let offset = MINIMAL_HEADER;
  while (offset < end) {
    const kind = tcpHeader[offset]!;
    if (kind === END_OF_OPTIONS) break;
    if (kind === NO_OPERATION) {
      offset += 1;
      continue;
    }
    const length = offset + 1 < end ? tcpHeader[offset + 1]! : 0;
    if (offset + 1 >= end || offset + length > end) {
      refusal ??= refused('truncated-option', kind, length, offset);
      break;
    }
    if (length < 2) {
      refusal ??= refused('bad-length', kind, length, offset);
      break;
    }
    if (accepted.kinds[kind] === 1) {
      const format = accepted.match(kind, length);
      const record = format && decodeToa(format, tcpHeader, offset);
      if (!record) {
        refusal ??= refused(format ? 'wrong-version' : 'wrong-length', kind, length, offset);
      } else if (!found) {
        found = { record, kind, length, offset, duplicates: 0 };
      } else if (
        format.completes === found.record.format &&
        offset === found.offset + found.length &&
        record.vip
      ) {
        found = { ...found, record: { ...found.record, vip: record.vip } };
      } else {
        found = { ...found, duplicates: found.duplicates + 1 };
      }
    }
    offset += length;
  }
  return found ?? refusal ?? refused('none');
}

function refused(refusal: ToaRefusal, kind = 0, length = 0, offset = 0): ToaNotFound {
  return { refusal, kind, length, offset, duplicates: 0 };
}
