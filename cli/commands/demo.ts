import { Command } from 'commander';
import kleur from 'kleur';
import { nativeSupport } from '../../lib/native.js';
import { demoOverMemory } from '../demo/memory.js';
import { demoOverNamespaces } from '../demo/namespaces.js';
import { picture } from '../demo/plan.js';
import type { DemoRow } from '../demo/rows.js';
import { exitStatus } from '../exit-status.js';
import { defaultEcho } from '../namespaces/echo.js';
import { enterNamespaces } from '../namespaces/enter.js';
import { namespaceSupport } from '../namespaces/support.js';
import { addManual } from '../output/manual.js';
import { print, printJson, say } from '../output/streams.js';
import { table } from '../output/table.js';

interface DemoOptions {
  json?: boolean;
  memory?: boolean;
  verbose?: boolean;
}

/** `toa demo`: connections from six client addresses through the balancer, and who the servers think they come from. */
export function demoCommand(): Command {
  const command = new Command('demo')
    .description("see clients' addresses cross the balancer into a Node server")
    .option('--json', 'as one JSON object: { mode, rows: [{ client, plain, recovered, match }] }')
    .option('--memory', 'without namespaces: the same balancer over links in memory')
    .option('-v, --verbose', 'say every command that builds the network')
    .action(async (options: DemoOptions) => {
      process.exitCode = await demo(options);
    });
  return addManual(command, {
    details: [
      'Connections of three IPv4 and three IPv6 clients cross the balancer to an HTTP server, each in a network namespace of its own. Exit 0 if the server knew all of them, 1 if not.',
    ],
    examples: ['toa demo', 'toa demo --json', 'toa demo --memory'],
  });
}

const setting = {
  namespaces: 'Over network namespaces: real kernels, real clients, real servers.',
  memory: 'Over links in memory: the same balancer, hosts that speak just enough TCP.',
};

async function demo({ json, memory, verbose }: DemoOptions): Promise<number> {
  const mode = memory || !namespacesWork() ? 'memory' : 'namespaces';
  if (mode === 'namespaces') await enterNamespaces();
  if (!json) print(`${picture}\n\n${setting[mode]}\n`);
  const rows =
    mode === 'namespaces' ? await demoOverNamespaces(verbose ? say : defaultEcho) : await demoOverMemory();
  if (json) printJson('demo/1', { mode, rows });
  else print(rowsTable(rows));

  const matching = rows.filter(({ match }) => match).length;
  const complete = rows.length > 0 && matching === rows.length;
  if (!json)
    print(`\n${matching} of ${rows.length} clients are known to the server by their own address and port.`);
  return complete ? exitStatus.ok : exitStatus.failed;
}

/** Says why, and what would help, where they do not. */
function namespacesWork(): boolean {
  const refusal = [nativeSupport(), namespaceSupport()].find((support) => !support.supported);
  if (refusal === undefined || refusal.supported) return true;
  say(`Not over real network namespaces: ${refusal.reason}.`);
  say(`To allow it: ${refusal.hint}`);
  say('The same balancer now runs over links in memory instead.');
  return false;
}

function rowsTable(rows: readonly DemoRow[]): string {
  return table(
    [
      { heading: 'CLIENT' },
      { heading: 'PLAIN SERVER SEES' },
      { heading: 'SERVER WITH TOAKIT SEES' },
      { heading: 'MATCH' },
    ],
    rows.map(({ client, plain, recovered, match }) => [client, plain, recovered, match ? 'yes' : 'no']),
    (text, column) => (column < 3 ? text : text === 'yes' ? kleur.green(text) : kleur.red(text)),
  );
}
