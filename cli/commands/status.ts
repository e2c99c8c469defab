import { release } from 'node:os';
import { Command } from 'commander';
import { type Support, support } from '../../lib/receiver/support.js';
import { version } from '../manifest.js';
import { type Loaded, readLoaded } from '../module/loaded.js';
import { readStatistics } from '../module/statistics.js';
import { System } from '../module/system.js';
import { fields } from '../output/fields.js';
import { addManual } from '../output/manual.js';
import { print, printJson } from '../output/streams.js';

interface Status {
  version: string;
  node: string;
  platform: string;
  architecture: string;
  kernel: string;
  /** The receiver of Node.js servers. */
  receiver: Support;
  /** The receiver in the kernel: what is loaded, null where it is not, with its counters in this network namespace. */
  module: (NonNullable<Loaded['ours']> & { counters: Record<string, number> | null }) | null;
}

/** `toa status`, and `toa` alone: what receives clients' addresses here. */
export function statusCommand(): Command {
  const command = new Command('status')
    .description('show what receives addresses here; toa alone does that too')
    .option('--root <dir>', "the system whose root folder is there: a container's host", '/')
    .option('--json', 'as one JSON object: { version, receiver, module, ... }')
    .action(({ root, json }: { root: string; json?: boolean }) => {
      const status = readStatus(new System(root));
      if (json) printJson('status/1', status);
      else print(lines(status));
    });
  return addManual(command, {
    details: ['To find out what is wrong, use toa doctor.'],
    examples: ['toa', 'toa status --json'],
  });
}

function readStatus(system: System): Status {
  const { ours } = readLoaded(system);
  return {
    version,
    node: process.version,
    platform: process.platform,
    architecture: process.arch,
    kernel: release(),
    receiver: support(),
    module: ours === undefined ? null : { ...ours, counters: readStatistics(system) ?? null },
  };
}

function lines({ receiver, module, ...machine }: Status): string {
  return fields([
    ['toakit', machine.version],
    ['machine', `${machine.platform} ${machine.kernel}, ${machine.architecture}, Node ${machine.node}`],
    ['receiver', receiver.supported ? 'Node servers: ready' : `Node servers: no, ${receiver.reason}`],
    ['  remedy', receiver.supported ? undefined : receiver.hint],
    ['module', module ? `toa ${module.version}${module.enabled === '0' ? ', disabled' : ''}` : 'not loaded'],
    ['  trusts', module ? module.trusted || 'nobody' : undefined],
    ['  formats', module?.formats],
    ['  reads SYN', module ? (module.syn === '1' ? 'yes' : 'no') : undefined],
    ...Object.entries(module?.counters ?? {}).flatMap(([name, count]): [string, string][] =>
      shown[name] === undefined || (count === 0 && name.startsWith('toa_'))
        ? []
        : [[`  ${shown[name]}`, count.toLocaleString('en-US')]],
    ),
  ]);
}

/** The counters of the module that say how its connections fare. */
const shown: { readonly [counter: string]: string } = {
  syn_recv_sock_toa: 'recovered',
  syn_recv_sock_no_toa: 'no option',
  toa_untrusted: 'untrusted',
  toa_malformed: 'malformed',
  toa_duplicate: 'duplicate',
  toa_table_full: 'table full',
  toa_no_memory: 'no memory',
};
