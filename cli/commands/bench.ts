import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command } from 'commander';
import { ToaError } from '../../lib/errors.js';
import { packageRoot } from '../../lib/native.js';
import { runAttached } from '../namespaces/enter.js';
import { addManual } from '../output/manual.js';

interface BenchOptions {
  rounds?: string;
  seconds?: string;
  short?: boolean;
  json?: boolean;
}

/** Has its own reading of the same arguments, for `npm run bench`; it stands above this folder and is not imported. */
const program = join(packageRoot, 'dist', 'bench', 'main.js');

/** `toa bench`: figures of this machine. */
export function benchCommand(): Command {
  const command = new Command('bench')
    .description('measure the balancer beside its peers, its core, its SYN proxy, the receiver and toa watch')
    .addArgument(new Argument('[suites...]', 'balancer, core, receiver, watch, syn-proxy; all without it'))
    .option('--rounds <n>', 'rounds of each measurement, default 5')
    .option('--seconds <n>', 'of each load in each round, default 3')
    .option('--short', 'two rounds of one second, one of the SYN proxy: a try')
    .option('--json', 'as one JSON object: medians by suite and peer')
    .action(async (suites: string[], options: BenchOptions) => {
      process.exitCode = await bench(suites, options);
    });
  return addManual(command, {
    details: [
      'Needs a clone of the repository, as the released package has no benchmark in it, and the programs haproxy, wrk and iperf3. Networks are namespaces; nothing leaves the machine.',
    ],
    examples: ['toa bench', 'toa bench core receiver --short', 'toa bench balancer --json'],
  });
}

async function bench(suites: readonly string[], options: BenchOptions): Promise<number> {
  if (!existsSync(program)) {
    throw new ToaError('ERR_TOA_UNSUPPORTED', 'the benchmark is not in the released package of toakit', {
      hint: 'run it in a clone of its repository: npm run bench',
    });
  }
  const { rounds, seconds, short, json } = options;
  return runAttached([
    process.execPath,
    program,
    ...suites,
    ...(rounds === undefined ? [] : ['--rounds', rounds]),
    ...(seconds === undefined ? [] : ['--seconds', seconds]),
    ...(short ? ['--short'] : []),
    ...(json ? ['--json'] : []),
  ]);
}
