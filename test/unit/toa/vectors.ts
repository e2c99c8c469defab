import { readFileSync } from 'node:fs';
import type { FormatId, ToaRecord, ToaRefusal } from '../../../lib/toa/index.js';

interface OptionVector {
  readonly format: FormatId;
  readonly option: string;
  readonly record: ToaRecord;
}

interface OptionAt {
  readonly kind: number;
  readonly length: number;
  readonly offset: number;
}

interface HeaderVector {
  readonly what: string;
  readonly header: string;
  readonly accept: readonly FormatId[];
  readonly found?: OptionAt & { readonly record: ToaRecord; readonly duplicates: number };
  readonly refused?: OptionAt & { readonly reason: ToaRefusal };
}

interface ClientVector {
  readonly what: string;
  readonly format: FormatId;
  readonly option: string;
  readonly plausible: boolean;
}

/** The golden vectors; test/vectors/README.md describes them. */
export const vectors: {
  readonly options: readonly OptionVector[];
  readonly headers: readonly HeaderVector[];
  readonly clients: readonly ClientVector[];
} = JSON.parse(readFileSync('test/vectors/toa-options.json', 'utf8'));

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(' ', '').match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}
