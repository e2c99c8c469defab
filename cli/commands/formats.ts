import { Command } from 'commander';
import { formats, type ToaFormat } from '../../lib/toa/index.js';
import { addManual } from '../output/manual.js';
import { print, printJson } from '../output/streams.js';
import { table } from '../output/table.js';

/** `toa formats`: the registry, one row per form of the option. */
export function formatsCommand(): Command {
  const command = new Command('formats')
    .description('list the forms of the option on the wire')
    .option('--json', 'as one JSON object: { formats: [...] }')
    .action(({ json }: { json?: boolean }) => {
      if (json) printJson('formats/1', { formats });
      else print(formatsTable());
    });
  return addManual(command, { examples: ['toa formats', 'toa formats --json'] });
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
