import { Command } from 'commander';
import { formats, type ToaFormat } from '../../lib/toa/index.js';
import { print, printJson } from '../output/streams.js';
import { table } from '../output/table.js';

/** `toa formats`: the registry, one row per form of the option. */
export function formatsCommand(): Command {
  return new Command('formats')
    .description('list the forms of the option on the wire')
    .option('--json', 'as one JSON array')
    .action(({ json }: { json?: boolean }) => {
      if (json) printJson(formats);
      else print(formatsTable());
    });
}

function formatsTable(): string {
  return table(
    [
      { heading: 'FORMAT' },
      { heading: 'KIND', align: 'right' },
      { heading: 'LENGTH', align: 'right' },
      { heading: 'CARRIES' },
      { heading: 'DEFAULT' },
      { heading: 'USED BY' },
    ],
    formats.map((format) => [
      format.id,
      String(format.kind),
      String(format.length),
      carries(format),
      format.default ? 'yes' : 'no',
      format.carriedBy,
    ]),
  );
}

const carries = ({ client, vip }: ToaFormat) =>
  [client && 'client', client && client.port === undefined && '(no port)', client && vip && '+', vip && 'VIP']
    .filter(Boolean)
    .join(' ');
