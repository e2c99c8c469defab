import { stripVTControlCharacters } from 'node:util';
import kleur from 'kleur';
import type { ObservedConnection, ObserverStatistics } from '../../lib/capture/index.js';
import { formatEndpoint } from '../../lib/net/address.js';
import { clockTime } from '../capture/time.js';
import { fields } from '../output/fields.js';
import { outputWidth } from '../output/streams.js';
import { table } from '../output/table.js';

interface Column {
  readonly heading: string;
  /** At first: what most rows need. */
  readonly width: number;
  cell(connection: ObservedConnection): string;
}

const time: Column = { heading: 'TIME', width: 12, cell: (each) => clockTime(each.time) };
const balancer: Column = { heading: 'BALANCER', width: 10, cell: ({ peer }) => peer.address };
const port: Column = { heading: 'PORT', width: 4, cell: ({ server }) => String(server.port) };
const client: Column = {
  heading: 'CLIENT',
  width: 19,
  cell: ({ client: named }) => (named ? formatEndpoint(named.address, named.port) : '-'),
};
const format: Column = { heading: 'FORMAT', width: 6, cell: (each) => (each.client ? each.format! : '-') };
const on: Column = { heading: 'ON', width: 12, cell: ({ carriedBy }) => carriedBy.join(',') || '-' };
const trust: Column = { heading: 'TRUST', width: 5, cell: ({ trusted }) => (trusted ? 'yes' : 'no') };
const odd: Column = {
  heading: 'ODD',
  width: 0,
  cell({ outcome, oddities }) {
    const remarks = [...(outcome === 'established' ? [] : [outcome]), ...oddities].join(', ');
    return oddities.length > 0 ? kleur.yellow(remarks) : remarks;
  },
};

/** Under the balancer's address. */
const INDENTATION = ' '.repeat(time.width + 2);

/**
 * Rows as they come: a column that once had to be wider stays so. What is odd goes on a line of its own, indented, where the
 * terminal has no room for it beside the rest.
 */
export class ConnectionRows {
  readonly #columns: readonly Column[];
  readonly #widths: number[];
  readonly #room: number;

  /**
   * @param asksTrust whether anybody said whom to trust; else there is nothing to say of that
   * @param room columns of the terminal
   */
  constructor(asksTrust: boolean, room = outputWidth()) {
    this.#room = room;
    this.#columns = [time, balancer, port, client, format, on, ...(asksTrust ? [trust] : []), odd];
    this.#widths = this.#columns.map(({ width }) => width);
  }

  heading(): string {
    return this.#row(this.#columns.map(({ heading }) => heading));
  }

  row(connection: ObservedConnection): string {
    return this.#row(this.#columns.map(({ cell }) => cell(connection)));
  }

  #row(cells: readonly string[]): string {
    const last = cells.at(-1) as string;
    const row = cells
      .slice(0, -1)
      .map((cell, index) => {
        this.#widths[index] = Math.max(this.#widths[index]!, cell.length);
        return cell.padEnd(this.#widths[index]!);
      })
      .join('  ');
    const fits = row.length + 2 + stripVTControlCharacters(last).length <= this.#room;
    return last === '' || fits ? `${row}  ${last}`.trimEnd() : `${row.trimEnd()}\n${INDENTATION}${last}`;
  }
}

/** Balancers that the summary has room for. */
const ROWS = 20;

/** What was seen in all. `dropped` is undefined where there was no kernel to drop any. */
export function summaryText(statistics: ObserverStatistics, dropped: number | undefined): string {
  const { connections, outcomes, withToa, withoutToa, direct, evicted, packets, skipped } = statistics;
  const parts = [
    fields([
      ['connections', list(number(connections), outcomes)],
      ['with TOA', share(withToa, withToa + withoutToa)],
      [
        'without',
        withoutToa === 0
          ? undefined
          : `${number(withoutToa)}${direct > 0 ? `, ${number(direct)} of them direct` : ''}`,
      ],
      ['cut short', evicted === 0 ? undefined : `${number(evicted)}: raise --max-connections`],
      ['packets', list(number(packets), skipped)],
      ['dropped', dropped === undefined ? undefined : `${number(dropped)} by the kernel`],
    ]),
    tally('FORMAT', 'CONNECTIONS', statistics.formats, withToa),
    balancers(statistics),
    tally('REFUSED', 'SEGMENTS', statistics.refusals),
    tally('ODD', 'CONNECTIONS', statistics.oddities, connections),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function balancers({ peers, otherPeers }: ObserverStatistics): string {
  if (peers.length === 0) return '';
  const sorted = [...peers].sort((one, other) => other.connections - one.connections);
  const rest = [...sorted.slice(ROWS), otherPeers].reduce((sum, one) => ({
    connections: sum.connections + one.connections,
    withToa: sum.withToa + one.withToa,
  }));
  const shown = [...sorted.slice(0, ROWS), ...(rest.connections > 0 ? [{ address: 'others', ...rest }] : [])];
  return table(
    [
      { heading: 'BALANCER' },
      { heading: 'CONNECTIONS', align: 'right' },
      { heading: 'WITH TOA', align: 'right' },
      { heading: 'SHARE', align: 'right' },
    ],
    shown.map(({ address, connections, withToa }) => [
      address,
      number(connections),
      number(withToa),
      percent(withToa, connections),
    ]),
  );
}

/** A table of names and counts, largest first, with their shares where there is a whole; nothing where there are none. */
function tally(
  heading: string,
  counted: string,
  counts: Readonly<Record<string, number>>,
  whole?: number,
): string {
  const rows = Object.entries(counts).sort(([, one], [, other]) => other - one);
  if (rows.length === 0) return '';
  return table(
    [
      { heading },
      { heading: counted, align: 'right' },
      ...(whole === undefined ? [] : [{ heading: 'SHARE', align: 'right' } as const]),
    ],
    rows.map(([name, count]) => [
      name,
      number(count),
      ...(whole === undefined ? [] : [percent(count, whole)]),
    ]),
  );
}

function list(total: string, counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([name, count]) => `${number(count)} ${name}`);
  return parts.length === 0 ? total : `${total}: ${parts.join(', ')}`;
}

const share = (part: number, whole: number) =>
  whole === 0 ? '0' : `${number(part)} of ${number(whole)}, ${percent(part, whole)}`;
const percent = (part: number, whole: number) =>
  whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;
const number = (value: number) => value.toLocaleString('en-US');
