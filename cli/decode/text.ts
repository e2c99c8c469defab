import kleur from 'kleur';
import type { Reading } from '../../lib/capture/index.js';
import { formatEndpoint } from '../../lib/net/address.js';
import { type DecodedHeader, names } from './header.js';
import type { DecodedOption, Field } from './options.js';

/** Bytes on one line. */
const ROW = 8;
const COLUMN = 3 * ROW + 1;

/** A header, option by option and byte by byte; `title` stands over it. */
export function headerText(header: DecodedHeader, title = names[header.form]): string {
  return [
    [title, segmentText(header)].filter(Boolean).join(', '),
    ...header.options.flatMap(optionLines),
    verdict(header.reading),
  ].join('\n');
}

function segmentText({ ports, source, destination, flags }: DecodedHeader): string {
  if (!ports) return '';
  const from = source ? formatEndpoint(source.address, source.port) : `port ${ports.source}`;
  const to = destination
    ? formatEndpoint(destination.address, destination.port)
    : `port ${ports.destination}`;
  return `${from} to ${to} ${flags.join(' ')}`.trimEnd();
}

function optionLines(option: DecodedOption): string[] {
  if (option.fields.length === 0) return fieldLines(option, '');
  const named = `${kleur.bold(option.says)} (kind ${option.kind}, length ${option.length})`;
  return [
    `  ${' '.repeat(6 + COLUMN)}${named}`,
    ...option.fields.flatMap((field) => fieldLines(field, '  ')),
  ];
}

function fieldLines({ offset, bytes, says }: Field, indent: string): string[] {
  const all = bytes.split(' ');
  const lines: string[] = [];
  for (let at = 0; at < all.length; at += ROW) {
    const place = (offset + at).toString(16).padStart(4, '0');
    const row = all
      .slice(at, at + ROW)
      .join(' ')
      .padEnd(COLUMN);
    const words = at > 0 ? '' : says.includes('malformed') ? kleur.red(says) : says;
    lines.push(`  ${place}  ${row}${indent}${words}`.trimEnd());
  }
  return lines;
}

/** What a receiver makes of it. */
function verdict({ client, refusal, record, oddities }: Reading): string {
  const vip = record?.vip ? `, VIP ${formatEndpoint(record.vip.address, record.vip.port)}` : '';
  const what = client
    ? `client ${formatEndpoint(client.address, client.port)}${vip}, by ${record!.format}`
    : refusal === 'none'
      ? 'no TOA'
      : `no client: ${refusal}${vip}`;
  return [`=> ${what}`, ...oddities].join(', ');
}
